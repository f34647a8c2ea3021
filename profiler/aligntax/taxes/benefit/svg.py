"""A drawing of the trade-off as an SVG file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

from markupsafe import Markup

from aligntax.report.page.plots.canvas import ROLES, Drawing, draw

__all__ = ["standalone"]

_DARK = {
    "text": "#e8eaed", "soft": "#aab2bd", "line": "#77808b", "raw": "#9aa4b1", "guarded": "#56b4e9", "null": "#2fc79b",
    "tax": "#f08a3c",
}  # fmt: skip


def standalone(drawing: Drawing) -> str:
    """Return the wide form of a drawing as the text of an SVG file, light or dark as its reader has it.

    Args:
        drawing: e.g. what `front_drawing` makes of a record's front.
    """
    both = ElementTree.fromstring(Markup("<div>{}</div>").format(draw(drawing)))  # noqa: S314 (drawn just now)
    wide = both[0]
    width, height = wide.attrib["viewBox"].split()[2:]
    wide.attrib.update({"xmlns": "http://www.w3.org/2000/svg", "width": width, "height": height})
    style = ElementTree.Element("style")
    style.text = (
        f":root{{{_variables(ROLES)}font-family:system-ui,sans-serif;background:#fff}}"
        f"@media (prefers-color-scheme:dark){{:root{{{_variables(_DARK)}background:#16191d}}}}"
    )
    wide.insert(2, style)  # behind title and description
    return ElementTree.tostring(wide, encoding="unicode") + "\n"


def _variables(colours: Mapping[str, str]) -> str:
    return "".join(f"--{role}:{colour};" for role, colour in colours.items())
