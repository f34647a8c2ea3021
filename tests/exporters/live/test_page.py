"""The page's addresses: headers, files, names under which it may be opened, and credentials."""

from __future__ import annotations

import base64
import gzip
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aligntax import Profiler
from aligntax.exporters.access import Hosts
from aligntax.exporters.application import MetricsApplication
from aligntax.exporters.live import assets
from aligntax.exporters.live.assets import plot_scripts
from aligntax.exporters.live.document import LiveDocument
from aligntax.exporters.live.page import MAX_READERS
from aligntax.exporters.server import MetricsServer, serve

Fetch = Callable[..., Any]

LIMIT = 40_000


def references(body: bytes) -> list[str]:
    text = body.decode()
    (plots,) = re.findall(r'data-plots="([^"]*)"', text)
    return [*re.findall(r'(?:href|src)="(live/[^"]*)"', text), *plots.split()]


@pytest.fixture
def without_bokeh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    real = assets.importlib.util.find_spec  # type: ignore[attr-defined]
    monkeypatch.setattr(assets.importlib.util, "find_spec", lambda name: None if name == "bokeh" else real(name))
    plot_scripts.cache_clear()
    yield
    plot_scripts.cache_clear()


def test_the_policy_lets_in_nothing_but_the_page_itself(server: MetricsServer, fetch: Fetch) -> None:
    first, second = fetch(f"{server.url}/"), fetch(f"{server.url}/")
    policy = first.headers["Content-Security-Policy"]
    (nonce,) = re.findall(r"'nonce-([\w-]{20,})'", policy)
    assert policy == (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert nonce not in second.headers["Content-Security-Policy"]
    assert f'nonce="{nonce}"'.encode() in first.body
    assert b"[[" not in first.body
    assert not re.findall(rb"<style|style=|<script>|\son\w+=", first.body)
    assert not re.findall(rb"https?://(?!www\.w3\.org)", first.body)


@pytest.mark.parametrize("path", ["/", "/api/live"])
def test_the_headers_of_what_is_not_kept(server: MetricsServer, fetch: Fetch, path: str) -> None:
    headers = fetch(server.url + path).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_every_file_is_named_by_its_content_and_kept(server: MetricsServer, fetch: Fetch) -> None:
    addresses = references(fetch(f"{server.url}/").body)
    names = [re.sub(r"\.[0-9a-f]{16}\.", ".", address) for address in addresses]
    assert names == ["live/page.css", "live/page.js", "live/bokeh.min.js", "live/bokeh-api.min.js", "live/plots.js"]
    for address in addresses:
        reply = fetch(f"{server.url}/{address}", headers={"Accept-Encoding": "gzip"})
        assert reply.status == 200
        assert reply.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Content-Type"].startswith("text/css" if address.endswith("css") else "text/javascript")
        plain = fetch(f"{server.url}/{address}")
        assert "Content-Encoding" not in plain.headers
        assert gzip.decompress(reply.body) == plain.body
        other = address.replace(address.split(".")[-2], "0" * 16)
        assert fetch(f"{server.url}/{other}").status == 404
    for address in ("live/page.py", "live/../application.py", "live/", "live"):
        assert fetch(f"{server.url}/{address}").status == 404


def test_without_the_plot_library_the_page_is_small(server: MetricsServer, fetch: Fetch) -> None:
    body = fetch(f"{server.url}/").body
    own = [address for address in references(body) if "bokeh" not in address]
    assert len(body) + sum(len(fetch(f"{server.url}/{address}").body) for address in own) < LIMIT


@pytest.mark.usefixtures("without_bokeh")
def test_without_the_plot_library_the_page_says_how_to_get_it(server: MetricsServer, fetch: Fetch) -> None:
    body = fetch(f"{server.url}/").body
    assert b'data-plots=""' in body
    assert b"pip install &#x27;aligntax[live]&#x27;" in body
    assert [address.split(".")[0] for address in references(body)] == ["live/page", "live/page"]


def test_the_data_with_and_without_a_tag(server: MetricsServer, fetch: Fetch) -> None:
    url = f"{server.url}/api/live"
    plain = fetch(url)
    assert plain.headers["Content-Type"] == "application/json"
    assert json.loads(plain.body)["schema"] == "aligntax.live/1"
    compressed = fetch(url, headers={"Accept-Encoding": "gzip"})
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(compressed.body) == plain.body
    same = fetch(url, headers={"If-None-Match": plain.headers["ETag"]})
    assert (same.status, same.body) == (304, b"")
    assert same.headers["ETag"] == plain.headers["ETag"]
    assert fetch(url, headers={"If-None-Match": '"another"'}).status == 200
    assert fetch(url, "POST", body=b"").status == 405


def test_only_so_many_may_read_at_the_same_time(busy: Profiler, fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, leave = threading.Semaphore(0), threading.Event()

    def wait(*_: object, **__: object) -> tuple[str, bytes]:
        inside.release()
        assert leave.wait(20)
        return '"tag"', b"{}"

    monkeypatch.setattr(LiveDocument, "read", wait)
    with serve(busy, port=0) as server:
        statuses: list[int] = []
        threads = [
            threading.Thread(target=lambda: statuses.append(fetch(f"{server.url}/api/live").status))
            for _ in range(MAX_READERS)
        ]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert inside.acquire(timeout=20)
        refused = fetch(f"{server.url}/api/live")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
        assert fetch(f"{server.url}/metrics").status == 200
        leave.set()
        for thread in threads:
            thread.join()
        assert statuses == [200] * MAX_READERS
        assert fetch(f"{server.url}/api/live").status == 200


def test_a_failure_is_answered_and_logged_once(
    busy: Profiler, fetch: Fetch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("no traces")

    with serve(busy, port=0) as server:
        monkeypatch.setattr(busy, "traces", fail)
        for _ in range(2):
            reply = fetch(f"{server.url}/api/live")
            assert (reply.status, reply.body) == (500, b"the numbers could not be read\n")
        assert [record.message for record in caplog.records] == [
            "aligntax: the live page failed; further failures are only answered"
        ]
        monkeypatch.undo()
        assert fetch(f"{server.url}/api/live").status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:9464", "127.0.0.1.evil.example", "localhost.evil", "[x]"]
)
def test_under_a_foreign_name_the_page_is_not_served(server: MetricsServer, fetch: Fetch, host: str) -> None:
    for path in ("/", "/api/live"):
        reply = fetch(server.url + path, headers={"Host": host})
        assert reply.status == 421
        assert b"hosts=" in reply.body
        assert b"aligntax_" not in reply.body
    assert fetch(f"{server.url}/metrics", headers={"Host": host}).status == 200


def test_the_names_under_which_it_is_served(busy: Profiler, fetch: Fetch) -> None:
    hosts = Hosts()
    for name in ("", "localhost", "LOCALHOST:80", "a.localhost", "127.0.0.1:9464", "[::1]:80", "[fe80::1]", "10.1.2.3"):
        assert hosts.accept(name), name
    assert hosts.accept(socket.gethostname())
    with serve(busy, port=0, hosts=["Metrics.Example"]) as server:
        for host, status in (("metrics.example:1", 200), ("metrics.example.", 200), ("other.example", 421)):
            assert fetch(f"{server.url}/", headers={"Host": host}).status == status
    # A browser that is fooled into asking under a foreign name has no credentials for it.
    with serve(busy, port=0, token="secret") as server:  # noqa: S106 (a test's)
        headers = {"Host": "other.example", "Authorization": "Bearer secret"}
        assert fetch(f"{server.url}/", headers=headers).status == 200


def test_names_that_are_none_are_refused(profiler: Profiler) -> None:
    with pytest.raises(TypeError, match=r"hosts='a\.example' is one string"):
        serve(profiler, port=0, hosts="a.example")
    for name in ("http://a.example", "a.example:80", "", "a b"):
        with pytest.raises(ValueError, match="not a host name"):
            serve(profiler, port=0, hosts=[name])


def test_a_bearer_token(busy: Profiler, fetch: Fetch) -> None:
    with serve(busy, port=0, token="s3cret-._~+/=") as server:  # noqa: S106 (a test's)
        for path in ("/metrics", "/", "/api/live", "/-/healthy", "/nothing"):
            refused = fetch(server.url + path)
            assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, 'Bearer realm="aligntax"')
            assert b"aligntax_" not in refused.body
        url = f"{server.url}/metrics"
        for value, status in (
            ("Bearer s3cret-._~+/=", 200),
            ("bearer  s3cret-._~+/= ", 200),
            ("Bearer s3cret", 401),
            ("Bearer", 401),
            ("Basic s3cret-._~+/=", 401),
            ("s3cret-._~+/=", 401),
            ("Bearer \xff", 401),
        ):
            assert fetch(url, headers={"Authorization": value}).status == status, value


def test_a_browser_gets_in_beside_a_token(busy: Profiler, fetch: Fetch) -> None:
    password = base64.b64encode(b"ann:pass").decode()
    with serve(busy, port=0, token="t0ken", username="ann", password="pass") as server:  # noqa: S106 (a test's)
        refused = fetch(f"{server.url}/")
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"]
        assert fetch(f"{server.url}/", headers={"Authorization": f"Basic {password}"}).status == 200
        assert fetch(f"{server.url}/metrics", headers={"Authorization": "Bearer t0ken"}).status == 200
        assert fetch(f"{server.url}/metrics", headers={"Authorization": f"Bearer {password}"}).status == 401
        assert fetch(f"{server.url}/metrics", headers={"Authorization": "Basic t0ken"}).status == 401


@pytest.mark.parametrize("token", ["", "un usual", "tök", "a\nb", "=", "un=usual"])
def test_what_is_no_token_is_refused_and_not_repeated(profiler: Profiler, token: str) -> None:
    with pytest.raises(ValueError, match=r"token of .* is not a bearer token") as raised:
        serve(profiler, port=0, token=token)
    assert len(token) < 2 or token not in str(raised.value)


def test_mounted_without_a_slash_it_leads_to_the_page(busy: Profiler) -> None:
    answers: list[tuple[str, dict[str, str]]] = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "", "SCRIPT_NAME": "/tax\r\nX: y"}
    body = MetricsApplication(busy)(environ, lambda status, headers: answers.append((status, dict(headers))))  # type: ignore[arg-type, return-value]
    assert list(body) == [b""]
    assert answers[0][0].startswith("308 ")
    assert answers[0][1]["Location"] == "/tax%0D%0AX%3A%20y/"


def test_the_plot_library_is_not_imported() -> None:
    program = (
        "import sys; from aligntax.exporters.live.assets import plot_scripts; assert len(plot_scripts()) == 2; "
        "assert 'bokeh' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
