"""The page's files, and the plot library's where it is installed: named by what is in them, so that browsers keep them.

The plots are drawn by Bokeh, whose scripts its Python package brings along. Bokeh itself is not imported: that would
cost the measured program a second and its memory, and all that is needed here are two files.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

from aligntax.exporters.answer import compress

FOLDER = "live"
INSTALL = "pip install 'aligntax[live]'"

_PLOT_SCRIPTS = ("bokeh.min.js", "bokeh-api.min.js")
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


@dataclass(frozen=True)
class Asset:
    """One file.

    Attributes:
        name: its file name, which ends in `.js` or `.css`.
        body: its content.
    """

    name: str
    body: bytes

    @cached_property
    def address(self) -> str:
        """Its address, relative to the page's."""
        path = Path(self.name)
        return f"{FOLDER}/{path.stem}.{hashlib.sha256(self.body).hexdigest()[:16]}{path.suffix}"

    @cached_property
    def compressed(self) -> bytes:
        """Its content as gzip."""
        return compress(self.body)

    @property
    def content_type(self) -> str:
        """The value of its Content-Type header."""
        return _TYPES[Path(self.name).suffix]


@cache
def own_asset(name: str) -> Asset:
    """Return one of the files beside this module."""
    return Asset(name, files(__package__).joinpath(name).read_bytes())


@cache
def plot_scripts() -> tuple[Asset, ...]:
    """Return the scripts of the plot library, in the order in which a page has to load them; none if not installed."""
    try:
        return tuple(_plot_scripts())
    except OSError:  # a package without its scripts is as good as none
        return ()


def _plot_scripts() -> Iterator[Asset]:
    found = importlib.util.find_spec("bokeh")
    for place in (found.submodule_search_locations or [])[:1] if found is not None else []:
        for name in _PLOT_SCRIPTS:
            yield Asset(name, Path(place, "server", "static", "js", name).read_bytes())
