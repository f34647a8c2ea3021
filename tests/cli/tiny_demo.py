"""The command line with a decoder that is small enough for tests; run as a program."""

import sys
from functools import partial
from unittest import mock

from aligntax.cli import main
from aligntax.demo.decoder import DecoderConfig

if __name__ == "__main__":
    with mock.patch("aligntax.demo.pipeline.DecoderConfig", partial(DecoderConfig, layers=1, width=32, heads=2)):
        sys.exit(main())
