"""A guard that holds text back, and whole streams sent through it as the package's documentation says."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from aligntax.serving.formats import (
    Key,
    Kind,
    delta_places,
    drop_tokens,
    dump,
    ending_keys,
    flush,
    renumber,
    tail,
    whole_places,
)
from aligntax.serving.sse import event

WORD = "secret"


def redacted(text: str) -> str:
    return text.replace(WORD, "[x]")


class Redaction:
    """Holds back what may become a secret, or all of a text."""

    def __init__(self, holds: int) -> None:
        self.holds = holds
        self.held = ""
        self.released: list[str] = []

    def feed(self, text: str) -> str:
        self.held = redacted(self.held + text)
        at = max(len(self.held) - self.holds, 0)
        piece, self.held = self.held[:at], self.held[at:]
        self.released.append(piece)
        return piece

    def rest(self) -> str:
        rest, self.held = self.held, ""
        self.released.append(rest)
        return rest


def through(kind: Kind, documents: Iterable[dict[str, Any]], holds: int) -> list[dict[str, Any]]:
    """Send a stream through redactions, as the package's documentation says."""
    texts: dict[Key, Redaction] = {}
    open_keys: dict[Key, None] = {}
    sent: list[dict[str, Any]] = []
    moved = 0
    document: dict[str, Any] = {}
    for original in documents:
        document = copy.deepcopy(original)
        name = document.get("type")
        renumber(kind, document, moved)
        for key, place in delta_places(kind, document, name):
            text = texts.setdefault(key, Redaction(holds))
            open_keys[key] = None
            place.put(text.feed(place.text))
        rests = {}
        for key in ending_keys(kind, document, name, open_keys):
            rests[key] = texts[key].rest()
            del open_keys[key]
        extra = flush(kind, document, name, rests)
        moved += len(extra)
        for key, place in whole_places(kind, document, name):
            if key not in texts:
                texts[key] = Redaction(0)
                texts[key].feed(place.text)
            assert key not in open_keys
            place.put("".join(texts[key].released))
        if document != original:
            drop_tokens(kind, document)
        sent += [*extra, document]
    return sent + tail(kind, document, {key: texts[key].rest() for key in open_keys})


def body(documents: Iterable[dict[str, Any]], done: bool = True) -> bytes:
    return b"".join(event(dump(each), each.get("type")) for each in documents) + (event(b"[DONE]") if done else b"")
