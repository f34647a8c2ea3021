"""The command line with a decoder that is small enough for tests; run as a program."""

import sys
from functools import partial
from unittest import mock

from aligntax.cli import main
from aligntax.demo.decoder import DecoderConfig

if __name__ == "__main__":
    shape = partial(DecoderConfig, layers=1, width=32, heads=2, vocabulary=8192)
    with mock.patch("aligntax.demo.pipeline.DecoderConfig", shape):
        sys.exit(main())
