"""Places of JSON texts, such as the arguments of tools: guards read them without their escapes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from aligntax.serving.escapes import Escapes
from aligntax.serving.guarding import Place

__all__ = ["KnownPlace", "as_read"]


class KnownPlace(Place, Protocol):
    """A place of which it is known what its text is."""

    @property
    def is_json(self) -> bool:
        """Whether the text is JSON."""
        ...


def as_read(places: Iterable[KnownPlace]) -> list[Place]:
    """Return the places with the texts that guards read; what is put into one of JSON is JSON there."""
    return [_Opened(place) if place.is_json else place for place in places]


class _Opened:
    """A JSON text without the escapes that it can do without."""

    __slots__ = ("_place", "text")

    def __init__(self, place: Place) -> None:
        escapes = Escapes(keeps_spelling=False)
        self.text = escapes.opened(place.text) + escapes.rest()
        self._place = place

    def put(self, new: str) -> None:
        """Let what is left of the text stand there."""
        escapes = Escapes(keeps_spelling=False)
        escapes.opened(self._place.text)  # to know whether it is JSON at all
        self._place.put(escapes.closed(new))
        self.text = new
