"""An answer that is kept until it is whole, because guards read it from beginning to end."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aligntax.serving.formats import answer_places, drop_tokens, dump
from aligntax.serving.guarding import Place, ServedGuard, in_parallel, in_series
from aligntax.serving.json_places import as_read
from aligntax.serving.settings import RouteKind, Settings
from aligntax.serving.streaming import UnreadableAnswer
from aligntax.serving.whole_stream import WholeStream

__all__ = ["KeptAnswer"]


class KeptAnswer:
    """The body of an answer as it comes, and what the guards make of it in the end.

    Args:
        kind: which API the answer belongs to.
        stream_guards, output_guards: that read it; `stream` guards first, unless they have read it as it came.
        settings: how long it may be, and how the guards are asked.
    """

    def __init__(
        self,
        kind: RouteKind,
        stream_guards: Sequence[ServedGuard],
        output_guards: Sequence[ServedGuard],
        settings: Settings,
    ) -> None:
        self._kind = kind
        self._stream_guards = stream_guards
        self._output_guards = output_guards
        self._settings = settings
        self._pieces: list[bytes] = []
        self._size = 0

    def keep(self, piece: bytes) -> None:
        """Keep the next bytes.

        Raises:
            UnreadableAnswer: if they are more than an answer may have.
        """
        self._size += len(piece)
        if self._size > self._settings.max_answer_bytes:
            raise UnreadableAnswer(f"the answer has more than {self._settings.max_answer_bytes} bytes")
        self._pieces.append(piece)

    async def document(self) -> bytes:
        """Return the body of an answer that is one JSON document, as the guards leave it.

        Raises:
            UnreadableAnswer: if it is none.
            Blocked, GuardFailed: as the guards say.
        """
        body = self._taken()
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise UnreadableAnswer("the answer is no JSON") from None
        if not isinstance(document, dict):
            raise UnreadableAnswer("the answer is no JSON object")
        places = as_read(answer_places(self._kind, document))
        changed = await in_series(self._stream_guards, places)
        if await self._ask_output(places) or changed:
            drop_tokens(self._kind, document)
            try:
                body = dump(document)
            except RecursionError:
                raise UnreadableAnswer("the answer is nested too deeply") from None
        return body

    async def events(self) -> bytes:
        """Return the events of a stream, which `stream` guards have read: each of its texts is one piece now.

        Raises:
            UnreadableAnswer: if they cannot be written any more.
            Blocked, GuardFailed: as the guards say.
        """
        body = self._taken()
        stream = WholeStream(self._kind, body, self._settings.max_event_bytes)
        if await self._ask_output(stream.places):
            try:
                body = stream.joined()
            except RecursionError:
                raise UnreadableAnswer("the answer is nested too deeply") from None
        return body

    def _taken(self) -> bytes:
        body = b"".join(self._pieces)
        self._pieces.clear()
        return body

    async def _ask_output(self, places: Sequence[Place]) -> bool:
        ask = in_parallel if self._settings.order.get("output") == "parallel" else in_series
        return bool(self._output_guards) and await ask(self._output_guards, places)
