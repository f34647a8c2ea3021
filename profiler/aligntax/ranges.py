"""Checks of numbers that a caller has set: each error names the setting, what it was set to, and what it may be."""

from __future__ import annotations

__all__ = ["require_at_least", "require_share"]


def require_share(**settings: float) -> None:
    """Raise ValueError for a setting that is no share of a whole."""
    for name, value in settings.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name}={value} is not a share; use a number from 0 to 1")


def require_at_least(least: float, **settings: float) -> None:
    """Raise ValueError for a setting that is less than `least`."""
    for name, value in settings.items():
        if not value >= least:
            raise ValueError(f"{name}={value} is too small; use at least {least}")
