"""What an operator puts beside a server: a dashboard, rules and alerts with their tests, and a compose file."""

from aligntax.deploy.pack import write_pack
from aligntax.deploy.settings import DEFAULT_TARGET, Settings

__all__ = ["DEFAULT_TARGET", "Settings", "write_pack"]
