"""A streamed answer that is kept as a whole, because guards have to read its texts from beginning to end."""

from __future__ import annotations

import json
from typing import Any

from aligntax.serving.formats import Key, Place, delta_places, drop_tokens, dump, whole_places
from aligntax.serving.json_places import as_read
from aligntax.serving.settings import RouteKind
from aligntax.serving.sse import Frame, Frames, with_data

__all__ = ["WholeStream"]


class WholeStream:
    """The texts of a stream, each in one piece.

    Args:
        kind: which API the events belong to.
        body: of the answer: events that have been read before.
        max_event_bytes: of one event.

    Attributes:
        places: of the texts. What is put into one goes into its first event, and its further events get nothing.
    """

    def __init__(self, kind: RouteKind, body: bytes, max_event_bytes: int) -> None:
        self._kind = kind
        reader = Frames(max(max_event_bytes, len(body)))
        self._events = [_Event(frame) for frame in (*reader.feed(body), *reader.finish())]
        pieces: dict[Key, list[Place]] = {}
        repeated: dict[Key, list[Place]] = {}
        for each in self._events:
            if each.document is None:
                continue
            for key, place in delta_places(kind, each.document, each.frame.event):
                pieces.setdefault(key, []).append(place)
            for key, place in whole_places(kind, each.document, each.frame.event):
                repeated.setdefault(key, []).append(place)
        found_texts: list[_Text] = []
        for key in pieces | repeated:
            found = pieces.get(key, [])
            texts = {"".join(place.text for place in found): found} if found else {}
            repetitions: dict[str, list[Place]] = {text: [] for text in texts}
            for place in repeated.get(key, []):  # one with another text is none, and is read on its own
                repetitions.setdefault(place.text, []).append(place)
            found_texts += [_Text(texts.get(text, []), same) for text, same in repetitions.items()]
        self.places = as_read(found_texts)

    def joined(self) -> bytes:
        """Return the stream with the texts as they are now."""
        written = []
        for each in self._events:
            if each.document is None:
                written.append(each.frame.raw)
            else:
                drop_tokens(self._kind, each.document)
                written.append(with_data(each.frame, dump(each.document)))
        return b"".join(written)


class _Event:
    """One frame, and its document if it has one."""

    __slots__ = ("document", "frame")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.document: dict[str, Any] | None = None
        if frame.data is not None and not frame.is_done and frame.data.strip():
            self.document = json.loads(frame.data)


class _Text:
    """One text: the pieces that make it, and the places that repeat it."""

    def __init__(self, pieces: list[Place], repeated: list[Place]) -> None:
        self._pieces = pieces
        self._repeated = repeated
        self.is_json = (pieces or repeated)[0].is_json

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(place.text for place in self._pieces) if self._pieces else self._repeated[0].text

    def put(self, new: str) -> None:
        """Put another text in its place, everywhere."""
        for index, place in enumerate(self._pieces):
            place.put("" if index else new)
        for place in self._repeated:
            place.put(new)
