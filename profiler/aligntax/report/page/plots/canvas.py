"""One drawing as SVG inside a page: twice, for wide and for narrow screens, in colours that the page decides.

matplotlib draws in the light colours. Each of them stands for a role, and is replaced by the page's CSS variable of
that role; so a drawing is light, dark or printed like the page around it, and comes only once for all three. Text stays
text (`svg.fonttype: none`): it can be found and copied, it is sharp on paper, and it is set in the page's font.
matplotlib measures it in DejaVu Sans, which is wider than the fonts that pages are read in, so that it has room.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from xml.etree import ElementTree

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["NARROW", "ROLES", "WIDE", "Drawing", "Paint", "Screen", "draw", "panel"]

ROLES = {
    "text": "#16191d",
    "soft": "#4c545e",
    "line": "#8a929c",
    "raw": "#6b7480",
    "guarded": "#0072b2",
    "null": "#007a5c",
    "tax": "#d55e00",
}
"""The light colours of page.css, by role."""

_DPI = 72  # one unit of the drawing is one pixel of the page
_XLINK = "{http://www.w3.org/1999/xlink}href"
_COLOURS = {colour: f"var(--{role})" for role, colour in ROLES.items()}
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # names of guards are anybody's
    "text.color": ROLES["text"],
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": ROLES["line"],
    "axes.labelcolor": ROLES["soft"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": ROLES["line"],
    "ytick.color": ROLES["line"],
    "xtick.labelcolor": ROLES["soft"],
    "ytick.labelcolor": ROLES["soft"],
    "grid.color": ROLES["line"],
    "grid.alpha": 0.35,
    "grid.linewidth": 0.6,
    "lines.linewidth": 2.0,
    "patch.linewidth": 0.0,
    "legend.frameon": False,
    "legend.loc": "upper left",
    "legend.borderaxespad": 0.2,
    "legend.borderpad": 0.2,
}


class Screen(NamedTuple):
    """What a drawing is made for.

    Attributes:
        name: the class of the SVG element, by which the page shows the one that fits.
        width: of the drawing in pixels.
        font: size of its text in pixels.
    """

    name: str
    width: float
    font: float


WIDE = Screen("wide", 820.0, 11.5)
NARROW = Screen("narrow", 340.0, 11.5)


Paint = Callable[[Figure, Screen], None]
"""Draws on an empty figure, for a screen."""


class Drawing(NamedTuple):
    """What is to be drawn.

    Attributes:
        name: unique within the page; letters, digits and hyphens.
        title: what it shows, in a few words.
        description: what is to be seen, for those who do not see it.
        paint: draws it.
        heights: in pixels, on a wide and on a narrow screen.
    """

    name: str
    title: str
    description: str
    paint: Paint
    heights: tuple[float, float]


def draw(drawing: Drawing) -> Markup:
    """Return a drawing as two SVG elements, of which the page shows one.

    The same drawing gives the same text, whatever matplotlib's settings on this machine are.
    """
    return Markup("").join(
        _svg(drawing, screen, height) for screen, height in zip((WIDE, NARROW), drawing.heights, strict=True)
    )


def panel(figure: Figure, *, left: float, right: float, top: float, bottom: float) -> Axes:
    """Return axes with margins in pixels.

    The margins are given and not left to matplotlib, which knows no width for letters that its own font lacks.
    """
    width, height = figure.get_size_inches() * _DPI
    return figure.add_axes(
        (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    )


def _svg(drawing: Drawing, screen: Screen, height: float) -> Markup:
    prefix = f"{drawing.name}-{screen.name}"
    buffer = io.StringIO()
    with _settings(prefix, screen):
        figure = Figure(figsize=(screen.width / _DPI, height / _DPI), dpi=_DPI)
        drawing.paint(figure, screen)
        figure.savefig(buffer, format="svg")
    root = ElementTree.fromstring(buffer.getvalue())  # noqa: S314 (what matplotlib has just written)
    _tidy(root, prefix)
    labels = []
    for position, (tag, text) in enumerate((("title", drawing.title), ("desc", drawing.description))):
        label = ElementTree.Element(tag, id=f"{prefix}-{tag}")
        label.text = text
        root.insert(position, label)
        labels.append(label.attrib["id"])
    root.attrib = {
        "class": f"plot {screen.name}",
        "viewBox": f"0 0 {screen.width:g} {height:g}",
        "role": "img",
        "aria-labelledby": " ".join(labels),
    }
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704 (ElementTree escapes all text)


@contextmanager
def _settings(salt: str, screen: Screen) -> Iterator[None]:
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_STYLE, "svg.hashsalt": salt, "font.size": screen.font})
        for size in ("axes.labelsize", "axes.titlesize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize"):
            matplotlib.rcParams[size] = screen.font
        # The browser has a font for them; what is measured here is a box of the same height.
        warnings.filterwarnings("ignore", r"Glyph .* missing from font", UserWarning)
        yield


def _tidy(root: ElementTree.Element, prefix: str) -> None:
    """Leave out what a page does not need, and make what is left unique within it."""
    text = ElementTree.tostring(root, encoding="unicode")
    referenced = {*_REFERENCE.findall(text), *(href[1:] for node in root.iter() if (href := node.get(_XLINK)))}
    for node in root.iter():
        node.text, node.tail = (text if text and not text.isspace() else None for text in (node.text, node.tail))
        for child in [child for child in node if child.tag.endswith(("}metadata", "}style"))]:
            node.remove(child)
        node.tag = node.tag.rpartition("}")[2]
        identity = node.attrib.pop("id", None)
        if identity in referenced:
            node.set("id", f"{prefix}-{identity}")
        if href := node.attrib.pop(_XLINK, None):
            node.set("href", f"#{prefix}-{href[1:]}")
        for name, value in node.attrib.items():
            value = _REFERENCE.sub(rf"url(#{prefix}-\1)", value)
            if name == "style":
                value = _restyle(value)
            elif name not in {"id", "href"}:
                value = _NUMBER.sub(lambda found: f"{float(found[0]):.2f}", value)
            node.set(name, value)


def _restyle(style: str) -> str:
    """Replace colours by the page's, and leave the choice of the font to it."""
    kept = []
    for declaration in filter(None, (part.strip() for part in style.split(";"))):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font-family":
            continue
        if name == "font":  # e.g. "600 11.5px 'DejaVu Sans', sans-serif"
            name, value = "font-size", next(word for word in value.split() if word.endswith("px"))
        kept.append(f"{name}: {_COLOURS.get(value, value)}")
    return "; ".join(kept)
