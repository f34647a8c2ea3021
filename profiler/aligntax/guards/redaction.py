"""Guards that find something in a text: it is redacted or blocked, in a whole text and in a stream."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, Protocol

from aligntax.guards.arguments import chosen, listed, require_text
from aligntax.guards.guard import OnError, OnHit, TextGuard
from aligntax.guards.judgement import Judgement
from aligntax.guards.replacement import Notes, Replacement
from aligntax.trace import Stage, Verdict
from aligntax_kernels.text import replaced

__all__ = ["KernelStream", "RedactingGuard", "checked_types"]

# Guards are called between two passes of a model, which leave them no warm cache: the constructor of a named tuple then
# takes 7 us, and what it does in the end takes 1.
_ALLOW = Verdict.ALLOW
_new = tuple.__new__

_NOTHING_YET = Judgement(_ALLOW, "")
_STILL_BLOCKED = Judgement(Verdict.BLOCK, "")


class KernelStream(Protocol):
    """The streams of `aligntax_kernels`: of all three kernels that redact."""

    hits: int

    @property
    def held(self) -> int:
        """How many bytes are held back."""

    def feed(self, chunk: str) -> str:
        """Take a chunk, and return what may be released."""

    def finish(self) -> str | bytes:
        """Return the rest."""


class RedactingGuard(TextGuard):
    """A guard that finds something in a text, and takes it out or blocks the text; for whole texts and for streams.

    Args:
        find: from a text to its hits: start, end, type or pattern, and more; sorted, none overlapping another. Called
            by several threads at once.
        replacement: what stands in the place of a hit.
        on_hit: "redact" or "block".
        name, stage, on_error: see `Guard`; a redaction cannot stand beside the model.

    Raises:
        ValueError: for an argument that it cannot have.
    """

    stages = ("input", "parallel", "stream", "output")

    def __init__(
        self,
        find: Callable[[str], Sequence[Any]],
        replacement: Replacement | None,
        on_hit: OnHit,
        name: str,
        stage: Stage,
        on_error: OnError,
    ) -> None:
        super().__init__(name, stage, on_error)
        self.on_hit: OnHit = chosen("on_hit", on_hit, ("redact", "block"))
        if on_hit == "redact" and stage == "parallel":
            raise ValueError(
                "stage='parallel' is beside the model, which has the text already; use on_hit='block', or another stage"
            )
        self._find = find
        self._replacement = replacement if on_hit == "redact" else None

    def _judge(self, text: str) -> Judgement:
        hits = self._find(text)
        if not hits:
            return _new(Judgement, (_ALLOW, text, 0, (), None, 0))
        notes = self._notes()
        spans = [(hit[0], hit[1], notes(hit[2], text[hit[0] : hit[1]])) for hit in hits]
        return notes.judgement(replaced(text, spans), len(hits), self.on_hit)

    def stream(self) -> Generator[Judgement, str | None, None]:
        """Return a generator that is sent the chunks of one text, and yields for each what may be released.

            filter = guard.stream()
            next(filter)
            pieces = [*map(filter.send, chunks), *filter]

        The pieces joined are what the whole text would have become, wherever it is cut; held back is only what may
        still become a hit. With `on_hit="block"`, nothing of the chunk that completes a hit is released, and nothing
        from then on. Where a replacement fails and the policy is `open`, that hit passes as it is; any other error
        ends the stream, whatever the policy, because what is held back could not be told apart any more.

        It is sent its chunks, and does not pull them, because a model that it pulled from would run inside of it.

        Raises:
            TypeError: by `send`, if a chunk is no string.
        """
        notes = self._notes()
        yield from _released(self._open(notes), notes, self.on_hit)

    @abstractmethod
    def _open(self, notes: Notes) -> KernelStream:
        """Return a fresh stream of the kernel that replaces hits by `notes`."""

    def _notes(self) -> Notes:
        return Notes(self._replacement, self._complain if self.on_error == "open" else None)


def _unread() -> Generator[Judgement, str | None, None]:
    """Release every chunk unread: what experiments call instead of `stream`, to tell what it costs."""
    said = _NOTHING_YET
    while (chunk := (yield said)) is not None:
        said = Judgement(Verdict.ALLOW, chunk)
    yield _NOTHING_YET


RedactingGuard.stream.bypass = _unread  # type: ignore[attr-defined]  # a function has them


def _released(stream: KernelStream, notes: Notes, on_hit: OnHit) -> Generator[Judgement, str | None, None]:
    """Yield, for each chunk that is sent, what may be released; see `RedactingGuard.stream`."""
    feed = stream.feed
    said = _NOTHING_YET
    hits = 0
    while (chunk := (yield said)) is not None:
        if not isinstance(chunk, str):
            require_text(chunk, "chunk")
        text = feed(chunk)
        if stream.hits == hits:
            said = _new(Judgement, (_ALLOW, text, 0, (), None, stream.held))
            continue
        said = notes.judgement(text, stream.hits - hits, on_hit)._replace(held=stream.held)
        hits = stream.hits
        if said.verdict is Verdict.BLOCK:
            yield from _nothing_more(said)
            return
    yield notes.judgement(str(stream.finish()), stream.hits - hits, on_hit)


def _nothing_more(said: Judgement) -> Generator[Judgement, str | None, None]:
    """Yield the block, and for whatever is sent after it nothing."""
    while (yield said) is not None:
        said = _STILL_BLOCKED
    yield _STILL_BLOCKED


def checked_types(types: Iterable[Any]) -> list[Any]:
    """Return the types that a kernel is to look for; it refuses unknown ones itself.

    Raises:
        TypeError: if they are no list of types.
        ValueError: if there is none, so that nothing would be found.
    """
    wanted = listed("types", types)
    if not wanted:
        raise ValueError("types: there is none, so that nothing would be found; leave it out to look for all of them")
    return wanted
