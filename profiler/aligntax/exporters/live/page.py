"""The addresses of the live page: the page itself, its files and its data."""

from __future__ import annotations

import logging
import secrets
import threading
from html import escape
from urllib.parse import quote
from wsgiref.types import WSGIEnvironment

from aligntax.exporters.access import Hosts
from aligntax.exporters.answer import Answer, accepts_gzip, busy
from aligntax.exporters.live.assets import INSTALL, Asset, own_asset, plot_scripts
from aligntax.exporters.live.document import LiveDocument
from aligntax.profiler import Profiler

MAX_READERS = 8

logger = logging.getLogger("aligntax")

_COMMON = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_NOT_KEPT = (*_COMMON, ("Cache-Control", "no-store"))
_KEPT = (*_COMMON, ("Cache-Control", "private, max-age=31536000, immutable"), ("Vary", "Accept-Encoding"))
_JSON = "application/json"


class LivePage:
    """Answers for `/`, `/api/live` and what is below `/live/`.

    Args:
        profiler: what the page is about.
        hosts: the names under which a browser may open it; None for any, where a browser needs credentials anyway.
    """

    def __init__(self, profiler: Profiler, hosts: Hosts | None) -> None:
        self._hosts = hosts
        self._document = LiveDocument(profiler)
        self._slots = threading.BoundedSemaphore(MAX_READERS)
        self._failed = False

    def answer(self, environ: WSGIEnvironment) -> Answer | None:
        """Return the answer to a GET or HEAD request; None where the address is not one of the page's."""
        path = environ.get("PATH_INFO", "")
        if path.startswith("/live/"):
            return _file(path.removeprefix("/"), environ)
        if path not in {"", "/", "/api/live"}:
            return None
        if self._hosts is not None and not self._hosts.accept(environ.get("HTTP_HOST", "")):
            message = b"not served under this name; open it by address, or allow the name: serve(..., hosts=['NAME'])\n"
            return Answer("421 Misdirected Request", message, headers=_NOT_KEPT)
        if path == "/api/live":
            return self._data(environ)
        if not path:  # mounted in another application; what the page refers to is relative to its folder
            place = quote(environ.get("SCRIPT_NAME", "")) + "/"
            return Answer("308 Permanent Redirect", b"", headers=(*_NOT_KEPT, ("Location", place)))
        return _page()

    def _data(self, environ: WSGIEnvironment) -> Answer:
        if not self._slots.acquire(blocking=False):
            return busy("readers of the live page")
        gzip = accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        try:
            tag, text = self._document.read(environ.get("HTTP_IF_NONE_MATCH", ""), gzip=gzip)
        except Exception:
            if not self._failed:
                self._failed = True
                logger.warning("aligntax: the live page failed; further failures are only answered", exc_info=True)
            return Answer("500 Internal Server Error", b"the numbers could not be read\n", headers=_NOT_KEPT)
        finally:
            self._slots.release()
        headers = (*_NOT_KEPT, ("ETag", tag), ("Vary", "Accept-Encoding"))
        if text is None:
            return Answer("304 Not Modified", b"", _JSON, headers)
        return Answer("200 OK", text, _JSON, (*headers, ("Content-Encoding", "gzip")) if gzip else headers)


def _page() -> Answer:
    nonce = secrets.token_urlsafe(16)
    values = {
        "nonce": nonce,
        "style": own_asset("page.css").address,
        "script": own_asset("page.js").address,
        "plots": " ".join(asset.address for asset in _scripts_for_plots()),
        "install": escape(INSTALL),
    }
    text = own_asset("page.html").body.decode()
    for name, value in values.items():
        text = text.replace(f"[[{name}]]", value)
    return Answer("200 OK", text.encode(), "text/html; charset=utf-8", (*_NOT_KEPT, _policy(nonce)))


def _policy(nonce: str) -> tuple[str, str]:
    """Return the content security policy.

    The nonce is for Bokeh, which puts style elements into its plots; see `plots.js`. No script is ever inline.
    """
    return (
        "Content-Security-Policy",
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )


def _scripts_for_plots() -> tuple[Asset, ...]:
    scripts = plot_scripts()
    return (*scripts, own_asset("plots.js")) if scripts else ()


def _file(address: str, environ: WSGIEnvironment) -> Answer | None:
    for asset in (own_asset("page.css"), own_asset("page.js"), *_scripts_for_plots()):
        if asset.address == address:
            if accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
                return Answer("200 OK", asset.compressed, asset.content_type, (*_KEPT, ("Content-Encoding", "gzip")))
            return Answer("200 OK", asset.body, asset.content_type, _KEPT)
    return None
