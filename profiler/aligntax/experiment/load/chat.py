"""A server with OpenAI's chat API, under load."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aligntax.experiment.load.reading import StreamReader, read_answer, read_refusal
from aligntax.experiment.load.records import ERROR, Reply, Timing

try:
    import aiohttp
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"load on a URL needs {error.name}, which is not installed; run: pip install 'aligntax[serve]'", name=error.name
    ) from error

__all__ = ["Chat", "chat_url"]

PATH = "/chat/completions"
KEY_VARIABLE = "OPENAI_API_KEY"
MAX_ANSWER_BYTES = 64 * 2**20
MAX_REFUSAL_BYTES = 2**16
CONNECT_SECONDS = 10.0
_VISIBLE = re.compile(r"[\x21-\x7e]+")


class Chat:
    """Asks a server for chat completions.

    Args:
        url: of the server, such as `"http://127.0.0.1:8000"`; with `/v1` or a whole path it is the same.
        model: the name that requests carry.
        stream: whether answers are to be streamed.
        more: further fields of a request, such as `{"max_tokens": 64}`; `stream_options: {"include_usage": true}` has
            many servers count the tokens of a stream.
        key_variable: environment variable with the API key, which is neither logged nor kept in a result. Without
            such a variable none is sent.
        blocked_statuses: of answers with which guards refuse, besides 4xx with the code `content_filter`.
        ca_file: PEM file with the certificates that the server's must come from; those of the system where None.

    Raises:
        ValueError: for a URL that is none, a key that no header can carry, or a `more` that sets what is set already.
        OSError: if ca_file cannot be read.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str,
        stream: bool = True,
        more: Mapping[str, Any] | None = None,
        key_variable: str = KEY_VARIABLE,
        blocked_statuses: Sequence[int] = (),
        ca_file: Path | str | None = None,
    ) -> None:
        self.url = chat_url(url)
        self._body = {"model": model, "stream": stream}
        taken = sorted({"messages", *self._body} & set(more or ()))
        if taken:
            raise ValueError(f"more sets {', '.join(taken)}, which every request has already; leave it out")
        self._body |= more or {}
        self._stream = stream
        self._blocked_statuses = frozenset(blocked_statuses)
        self._headers = _authorization(key_variable)
        self._tls = ssl.create_default_context(cafile=ca_file) if ca_file else True
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        """Say where it is, and nothing of its key."""
        return f"Chat({self.url!r})"

    async def open(self) -> None:
        """Get ready to connect; connections are made when they are needed, and kept."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "aligntax-load", **self._headers},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            auto_decompress=True,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    def running(self) -> int:
        """Return 0: a request that is given up has its connection closed."""
        return 0

    async def send(self, prompt: Any, timing: Timing) -> Reply:
        """Ask for an answer to a prompt: a text, or a list of messages."""
        if self._session is None:
            raise RuntimeError("not open; call open() first")
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        body = self._body | {"messages": messages}
        timing.start()
        try:
            async with self._session.post(self.url, json=body, allow_redirects=False) as answer:
                return await self._read(answer, timing)
        except aiohttp.ClientConnectorCertificateError:
            return Reply(ERROR, "certificate")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return Reply(ERROR, "no connection")
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionError):
            return Reply(ERROR, "connection lost")
        finally:
            timing.end()

    async def _read(self, answer: aiohttp.ClientResponse, timing: Timing) -> Reply:
        if answer.status != 200:
            return read_refusal(answer.status, await _start_of(answer, MAX_REFUSAL_BYTES), self._blocked_statuses)
        if answer.content_type != "text/event-stream":
            # A guard may answer a request for a stream at once.
            return read_answer(await _start_of(answer, MAX_ANSWER_BYTES))
        reader = StreamReader(timing)
        length = 0
        async for piece in answer.content.iter_any():
            length += len(piece)
            if length > MAX_ANSWER_BYTES:
                return Reply(ERROR, f"longer than {MAX_ANSWER_BYTES // 2**20} MiB")
            reader.feed(piece)
        return reader.reply()


def chat_url(url: str) -> str:
    """Return the address of the chat API of a server.

    Raises:
        ValueError: if it is no plain http or https URL.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 (raises)
    except ValueError:
        raise ValueError("a server's URL cannot be read; write it like 'http://127.0.0.1:8000'") from None
    if "@" in parts.netloc:
        raise ValueError(
            f"the URL of {parts.hostname} holds a name or a password; put the key into an environment variable"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or not _VISIBLE.fullmatch(url):
        raise ValueError(f"{url!r} is no http or https URL; write it like 'http://127.0.0.1:8000'")
    if parts.query or parts.fragment:
        raise ValueError(f"the URL of {parts.hostname} has a query or a fragment; leave it out")
    path = parts.path.rstrip("/")
    if not path.endswith(PATH):
        path += PATH if path.endswith("/v1") else f"/v1{PATH}"
    return f"{parts.scheme}://{parts.netloc}{path}"


def _authorization(variable: str) -> dict[str, str]:
    key = os.environ.get(variable, "")
    if not key:
        return {}
    if not _VISIBLE.fullmatch(key):
        raise ValueError(f"the key in {variable} has spaces or characters that no header may have; set it anew")
    return {"Authorization": f"Bearer {key}"}


async def _start_of(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    pieces = bytearray()
    async for piece in answer.content.iter_any():
        pieces += piece
        if len(pieces) > limit:
            break
    return bytes(pieces[:limit])
