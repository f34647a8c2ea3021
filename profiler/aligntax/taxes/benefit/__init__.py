"""What guards bought: attack success and false positives with and without them, and what that costs."""

from aligntax.taxes.benefit.benefit import benefit, read_configuration
from aligntax.taxes.benefit.figures import Configuration, Settings

__all__ = ["Configuration", "Settings", "benefit", "read_configuration"]
