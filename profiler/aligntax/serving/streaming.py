"""One streamed answer on its way through the guards: every event rewritten, and what may become a hit held back."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from typing import Any

from aligntax.clock import Clock
from aligntax.guards.judgement import Judgement
from aligntax.recording.chunks import ChunkTimes
from aligntax.serving.escapes import Escapes
from aligntax.serving.formats import (
    Key,
    Place,
    delta_places,
    drop_tokens,
    dump,
    ending_keys,
    flush,
    renumber,
    tail,
    whole_places,
)
from aligntax.serving.guarding import Blocked, GuardFailed, ServedGuard
from aligntax.serving.links import Link
from aligntax.serving.settings import RouteKind, Settings
from aligntax.serving.sse import Frame, Frames, event, with_data
from aligntax.trace import Verdict

__all__ = ["AnswerStream", "UnreadableAnswer"]

MAX_TEXTS = 1024
"""Texts that one answer may consist of: choices, calls of tools."""


class UnreadableAnswer(Exception):  # noqa: N818 (says what it is)
    """An answer that guards cannot read, and that therefore goes nowhere."""


class AnswerStream:
    """Rewrites the events of one streamed answer.

    The bytes of an event in which nothing changes stay what they are.

    Args:
        kind: which API the events belong to.
        guards: of the stage `stream`, in their order; none for a stream that is only watched.
        clock: of the profiler.
        times: where hold times are noted.
        settings: how long an event may be, and the texts that the stream repeats.

    Attributes:
        failure: why the answer does not go on behind what was returned last: `Blocked`, `GuardFailed` or
            `UnreadableAnswer`. None as long as it goes on.
        first, last: the documents of the first and the last event that go on; what ends a stream early is modelled on
            them.
        asking: the guard that is being asked, or was asked last.
        texts_came, texts_went: whether the body that was fed last brought a text, and whether one goes on.
    """

    def __init__(
        self, kind: RouteKind, guards: Sequence[ServedGuard], clock: Clock, times: ChunkTimes, settings: Settings
    ) -> None:
        self._kind = kind
        self._guards = guards
        self._clock = clock
        self._times = times
        self._frames = Frames(settings.max_event_bytes)
        self._room = settings.max_answer_bytes
        self._chains: dict[Key, list[Link]] = {}
        self._escapes: dict[Key, Escapes] = {}  # of those texts that are JSON
        self._whole: dict[Key, list[str]] = {}
        self._ended: set[Key] = set()
        self._added = 0
        self.failure: Exception | None = None
        self.first: dict[str, Any] | None = None
        self.last: dict[str, Any] | None = None
        self.asking = guards[0] if guards else None
        self.texts_came = self.texts_went = False

    def feed(self, body: bytes) -> bytes:
        """Take the next bytes of the answer, and return what goes on; see `failure` then."""
        self.texts_came = self.texts_went = False
        written: list[bytes] = []
        try:
            for frame in self._frames.feed(body):
                written.append(self._rewritten(frame))  # noqa: PERF401 (what was written before a failure counts)
        except ValueError as error:
            self.failure = UnreadableAnswer(str(error))
        except (Blocked, GuardFailed, UnreadableAnswer) as failure:
            self.failure = failure
        return b"".join(written)

    def finish(self) -> bytes:
        """Return what is left when the answer has ended, held texts that no event has ended included; see `failure`."""
        self.texts_came = self.texts_went = False
        written: list[bytes] = []
        try:
            for frame in self._frames.finish():
                written.append(self._rewritten(frame))  # noqa: PERF401 (as above)
            written.append(self._held_texts())
        except ValueError as error:
            self.failure = UnreadableAnswer(str(error))
        except (Blocked, GuardFailed, UnreadableAnswer) as failure:
            self.failure = failure
        return b"".join(written)

    def open_keys(self) -> list[Key]:
        """Return the keys of the texts that have begun and not ended."""
        return [key for key in self._chains if key not in self._ended]

    def close(self) -> None:
        """End the streams of the guards, for an answer that ends early."""
        for chain in self._chains.values():
            for link in chain:
                if link.stream is not None:
                    link.stream.close()

    def abandon(self) -> None:
        """Let go of the streams of the guards, of which one has not returned; that one cannot be closed."""
        self._chains = {}

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
        renumbered = self._added > 0
        if renumbered:
            renumber(self._kind, document, self._added)
        changed = False
        for key, place in delta_places(self._kind, document, frame.event):
            text = place.text
            released = self._release(key, place)
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
        written = frame.raw
        if changed or renumbered:
            try:
                written = before + with_data(frame, dump(document))
            except RecursionError:
                raise UnreadableAnswer("an event of the stream is nested too deeply") from None
        self.first = self.first or document
        self.last = document
        return written

    def _replace_whole(self, document: dict[str, Any], name: str | None) -> bool:
        """Put what was released in the place of texts that an event repeats as a whole."""
        changed = False
        for key, place in whole_places(self._kind, document, name):
            text = place.text
            if key not in self._whole:  # it was never streamed
                self._release(key, place)
            if key not in self._ended:
                self._rest(key)
            released = "".join(self._whole[key])
            if released != text:
                place.put(released)
                changed = True
        return changed

    def _release(self, key: Key, place: Place) -> str:
        """Send a piece of a text through its guards, and return what they let go on."""
        text = place.text
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
            chain = self._chains[key] = []
            self._whole[key] = []
            if place.is_json:
                self._escapes[key] = Escapes()
            for guard in self._guards:
                chain.append(self._opened(guard))
        if key in self._ended:
            raise UnreadableAnswer("a text of the answer goes on after its end")
        escapes = self._escapes.get(key)
        text = text if escapes is None else escapes.opened(text)
        for link in chain:
            if not text:
                break
            text = self._sent(link, text)
        return self._went(key, text if escapes is None else escapes.closed(text))

    def _rest(self, key: Key) -> str:
        """End a text, and return what its guards had held back of it."""
        chain = self._chains.get(key)
        if chain is None or key in self._ended:
            return ""
        self._ended.add(key)
        escapes = self._escapes.get(key)
        text = "" if escapes is None else escapes.rest()
        for link in chain:
            before = self._sent(link, text) if text else ""
            text = before + self._asked(link, None).text
        return self._went(key, text if escapes is None else escapes.closed(text))

    def _opened(self, guard: ServedGuard) -> Link:
        link = Link(guard)
        self.asking = guard
        try:
            link.stream = guard.stream()
        except Exception as error:
            guard.failed(error, "")
        return link

    def _sent(self, link: Link, text: str) -> str:
        link.took(text, self._clock())
        return self._asked(link, text).text

    def _asked(self, link: Link, text: str | None) -> Judgement:
        """Send a guard's stream a piece, or None for the end, and return what it lets go on."""
        guard, stream = link.guard, link.stream
        if stream is None:
            said = Judgement(Verdict.ERROR, text or "")
        else:
            self.asking = guard
            try:
                said = guard.judgement(stream.send(text), text or "")
                if text is None:
                    _run_out(stream)
            except Exception as error:
                said = guard.failed(error, link.kept(with_last=text is not None))
                link.stream = None
        if said.verdict is Verdict.BLOCK:
            raise Blocked(guard.name)
        link.released(0 if text is None else said.held, self._clock(), self._times)
        return said

    def _went(self, key: Key, text: str) -> str:
        if text:
            self.texts_went = True
            if self._kind == "responses" or key[1] == "whole":  # what is, or is repeated, as a whole
                self._room -= len(text)
                if self._room < 0:
                    raise UnreadableAnswer("the answer is longer than max_answer_bytes, and repeats its texts")
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


def _run_out(stream: Generator[Judgement, str | None, None]) -> None:
    """Run a stream that has returned its rest to its end.

    Raises:
        TypeError: if there is something behind that.
    """
    for _ in stream:
        raise TypeError("the stream of a guard goes on after its end; yield all that is left at once")
