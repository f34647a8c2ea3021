"""What stands on a page, read from its text."""

from __future__ import annotations

import re
from html import unescape

__all__ = ["sections", "words"]


def sections(text: str) -> tuple[str, ...]:
    """Return the names of a page's sections, from top to bottom."""
    return tuple(re.findall(r'<section id="([^"]+)"', text))


def words(text: str) -> str:
    """Return what a page says, without its tags."""
    body = text[text.index("<body>") :]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", body.replace("<wbr>", "")))).replace("\u00a0", " ")
