"""One streamed answer on its way through the guards: every event rewritten, and what may become a hit held back."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Generator, Sequence
from typing import Any

from aligntax.clock import Clock
from aligntax.guards.judgement import Judgement
from aligntax.recording.chunks import ChunkTimes
from aligntax.serving.formats import (
    Key,
    delta_places,
    drop_tokens,
    dump,
    ending_keys,
    flush,
    renumber,
    tail,
    whole_places,
)
from aligntax.serving.guarding import Blocked, ServedGuard
from aligntax.serving.settings import RouteKind
from aligntax.serving.sse import Frame, Frames, event, with_data
from aligntax.trace import Verdict

__all__ = ["AnswerStream", "UnreadableAnswer"]

MAX_TEXTS = 1024
"""Texts that one answer may consist of: choices, calls of tools."""


class UnreadableAnswer(Exception):  # noqa: N818 (says what it is)
    """An answer that guards cannot read, and that therefore goes nowhere."""


class _Link:
    """One guard's stream over one text, and which pieces of it the guard still holds."""

    __slots__ = ("_pieces", "_taken", "guard", "stream")

    def __init__(self, guard: ServedGuard) -> None:
        self.guard = guard
        self.stream: Generator[Judgement, str | None, None] = guard.stream()
        # When each piece came that is not wholly released, and up to which byte of the text it goes.
        self._pieces: deque[tuple[int, int]] = deque()
        self._taken = 0

    def took(self, text: str, came_ns: int) -> None:
        """Note a piece that the guard is being given."""
        self._taken += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        self._pieces.append((came_ns, self._taken))

    def released(self, held: int, now_ns: int, times: ChunkTimes) -> None:
        """Note that the guard keeps the last `held` bytes of the text, and nothing before them."""
        pieces = self._pieces
        released = self._taken - held
        while pieces and pieces[0][1] <= released:
            times.held(self.guard.row, now_ns - pieces.popleft()[0])


class AnswerStream:
    """Rewrites the events of one streamed answer.

    The bytes of an event in which nothing changes stay what they are.

    Args:
        kind: which API the events belong to.
        guards: of the stage `stream`, in their order; none for a stream that is only watched.
        clock: of the profiler.
        times: where hold times are noted.
        max_event_bytes: of one event.

    Attributes:
        first, last: the documents of the first and the last event; what ends a stream early is modelled on them.
        texts_came, texts_went: whether the body that was fed last brought a text, and whether one goes on.
    """

    def __init__(
        self, kind: RouteKind, guards: Sequence[ServedGuard], clock: Clock, times: ChunkTimes, max_event_bytes: int
    ) -> None:
        self._kind = kind
        self._guards = guards
        self._clock = clock
        self._times = times
        self._frames = Frames(max_event_bytes)
        self._chains: dict[Key, list[_Link]] = {}
        self._whole: dict[Key, list[str]] = {}
        self._ended: set[Key] = set()
        self._added = 0
        self.first: dict[str, Any] | None = None
        self.last: dict[str, Any] | None = None
        self.texts_came = self.texts_went = False

    def feed(self, body: bytes) -> bytes:
        """Take the next bytes of the answer, and return what goes on.

        Raises:
            Blocked, GuardFailed: as the guards say. What came before in the same bytes is not sent then.
            UnreadableAnswer: for an event that is no JSON, or too long.
        """
        self.texts_came = self.texts_went = False
        try:
            frames = self._frames.feed(body)
        except ValueError as error:
            raise UnreadableAnswer(str(error)) from None
        return b"".join([self._rewritten(frame) for frame in frames])

    def finish(self) -> bytes:
        """Return what is left when the answer has ended, held texts that no event has ended included."""
        self.texts_came = self.texts_went = False
        try:
            frames = self._frames.finish()
        except ValueError as error:
            raise UnreadableAnswer(str(error)) from None
        rest = b"".join([self._rewritten(frame) for frame in frames])
        return rest + self._held_texts()

    def open_keys(self) -> list[Key]:
        """Return the keys of the texts that have begun and not ended."""
        return [key for key in self._chains if key not in self._ended]

    def close(self) -> None:
        """End the streams of the guards, for an answer that ends early."""
        for chain in self._chains.values():
            for link in chain:
                link.stream.close()

    def _rewritten(self, frame: Frame) -> bytes:
        if frame.is_done:
            return self._held_texts() + frame.raw
        if frame.data is None or not frame.data.strip():
            return frame.raw
        try:
            document = json.loads(frame.data)
        except (ValueError, RecursionError):
            raise UnreadableAnswer("an event of the stream is no JSON") from None
        if not isinstance(document, dict):
            raise UnreadableAnswer("an event of the stream is no JSON object")
        self.first = self.first or document
        self.last = document
        renumbered = self._added > 0
        if renumbered:
            renumber(self._kind, document, self._added)
        changed = False
        for key, place in delta_places(self._kind, document, frame.event):
            text = place.text
            released = self._release(key, text)
            if released != text:
                place.put(released)
                changed = True
        before = b""
        if self._guards:
            ending = ending_keys(self._kind, document, frame.event, self.open_keys())
            rests = {key: rest for key in ending if (rest := self._rest(key))}
            if rests:
                before = self._events(flush(self._kind, document, frame.event, rests))
                changed = True
            changed |= self._replace_whole(document, frame.event)
        if changed:
            drop_tokens(self._kind, document)
        return before + with_data(frame, dump(document)) if changed or renumbered else frame.raw

    def _replace_whole(self, document: dict[str, Any], name: str | None) -> bool:
        """Put what was released in the place of texts that an event repeats as a whole."""
        changed = False
        for key, place in whole_places(self._kind, document, name):
            text = place.text
            if key not in self._whole:  # it was never streamed
                self._release(key, text)
            if key not in self._ended:
                self._rest(key)
            released = "".join(self._whole[key])
            if released != text:
                place.put(released)
                changed = True
        return changed

    def _release(self, key: Key, text: str) -> str:
        """Send a piece of a text through its guards, and return what they let go on."""
        if not text:
            return text
        self.texts_came = True
        if not self._guards:
            self.texts_went = True
            return text
        chain = self._chains.get(key)
        if chain is None:
            if len(self._chains) >= MAX_TEXTS:
                raise UnreadableAnswer(f"the answer has more than {MAX_TEXTS} texts")
            chain = self._chains[key] = [_Link(guard) for guard in self._guards]
            self._whole[key] = []
        if key in self._ended:
            raise UnreadableAnswer("a text of the answer goes on after its end")
        now_ns = self._clock()
        for link in chain:
            if not text:
                break
            link.took(text, now_ns)
            said = self._asked(link, text)
            now_ns = self._clock()
            link.released(said.held, now_ns, self._times)
            text = said.text
        return self._went(key, text)

    def _rest(self, key: Key) -> str:
        """End a text, and return what its guards had held back of it."""
        chain = self._chains.get(key)
        if chain is None or key in self._ended:
            return ""
        self._ended.add(key)
        text = ""
        for link in chain:
            before = ""
            if text:
                link.took(text, self._clock())
                before = self._asked(link, text).text
            said = self._asked(link, None)
            link.released(0, self._clock(), self._times)
            text = before + said.text
            next(link.stream, None)  # run to its end, it is no stream that somebody has left
        return self._went(key, text)

    def _asked(self, link: _Link, text: str | None) -> Judgement:
        try:
            said = link.stream.send(text)
        except Exception as error:
            said = link.guard.failed(error, text or "")
        if said.verdict is Verdict.BLOCK:
            raise Blocked(link.guard.name)
        return said

    def _went(self, key: Key, text: str) -> str:
        if text:
            self.texts_went = True
            if self._kind == "responses" or key[1] == "whole":  # what is, or is repeated, as a whole
                self._whole[key].append(text)
        return text

    def _held_texts(self) -> bytes:
        rests = {key: rest for key in self.open_keys() if (rest := self._rest(key))}
        return self._events(tail(self._kind, self.last, rests)) if rests else b""

    def _events(self, documents: Sequence[dict[str, Any]]) -> bytes:
        """Return events that were not in the stream; those behind them are numbered on."""
        self._added += len(documents)
        names = [document.get("type") for document in documents]
        return b"".join(
            [
                event(dump(document), name if isinstance(name, str) else None)
                for document, name in zip(documents, names, strict=True)
            ]
        )
