"""`python -m aligntax` is the command line."""

import sys

from aligntax.cli import main

sys.exit(main())
