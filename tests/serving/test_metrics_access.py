"""Who may scrape a server's metrics, as its settings say, asked by clients that really scrape."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.certificates import make_certificate
from tests.serving.upstream import Upstream

from aligntax.serving.asgi import TaxMiddleware
from aligntax.serving.metrics_access import metrics_access
from aligntax.serving.settings import Settings, read_settings

TOKEN = "a-token_of.42~letters"  # noqa: S105 (of this test)
PASSWORD = "päss wörd"  # noqa: S105 (likewise)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n", encoding="utf-8")
    return file


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_bytes(PASSWORD.encode() + b"\r\n")
    return file


class Served:
    """The metrics of a middleware that is configured by a file."""

    def __init__(self, upstream: Upstream, tmp_path: Path, **settings: Any) -> None:
        lines = [
            f"{key} = {list(value) if isinstance(value, tuple) else repr(value)}" for key, value in settings.items()
        ]
        config = tmp_path / "aligntax.toml"
        config.write_text("\n".join(["[serving]", "metrics_port = 0", *lines]), encoding="utf-8")
        self.middleware = TaxMiddleware(upstream.application, settings=read_settings(config))

    def scrape(
        self, path: str = "/metrics", *, context: ssl.SSLContext | None = None, **keywords: Any
    ) -> httpx.Response:
        with httpx.Client(verify=context or ssl.create_default_context(), timeout=10) as client:
            return client.get(f"{self.middleware.metrics_url}{path}", **keywords)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.middleware.close()


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_everyone_on_this_machine_may_scrape_unless_told_otherwise(upstream: Upstream, tmp_path: Path) -> None:
    with Served(upstream, tmp_path) as served:
        assert served.scrape().status_code == 200


def test_a_token_from_a_file_is_needed_and_is_nowhere_else(
    upstream: Upstream, tmp_path: Path, token_file: Path
) -> None:
    with Served(upstream, tmp_path, metrics_token_file=str(token_file)) as served:
        for headers in ({}, bearer("other"), bearer(TOKEN[:-1]), bearer(f"{TOKEN}\\n"), {"authorization": TOKEN}):
            refused = served.scrape(headers=headers)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == 'Bearer realm="aligntax"'
            assert b"aligntax_build_info" not in refused.content
        scraped = served.scrape(headers=bearer(TOKEN))
        assert scraped.status_code == 200
        assert b"aligntax_build_info" in scraped.content
        assert TOKEN not in repr(served.middleware.settings)
        assert not any(TOKEN in value for value in os.environ.values())


def test_name_and_password_let_in_as_well_as_the_token(
    upstream: Upstream, tmp_path: Path, token_file: Path, password_file: Path
) -> None:
    settings = {
        "metrics_token_file": str(token_file),
        "metrics_username": "prometheus",
        "metrics_password_file": str(password_file),
    }
    with Served(upstream, tmp_path, **settings) as served:
        assert served.scrape().status_code == 401
        assert served.scrape(auth=httpx.BasicAuth("prometheus", "wrong")).status_code == 401
        assert served.scrape(auth=httpx.BasicAuth("other", PASSWORD)).status_code == 401
        assert served.scrape(auth=httpx.BasicAuth("prometheus", PASSWORD)).status_code == 200
        assert served.scrape(headers=bearer(TOKEN)).status_code == 200
        assert served.scrape("/", auth=httpx.BasicAuth("prometheus", PASSWORD)).status_code == 200
        assert served.scrape("/").status_code == 401


def test_metrics_over_tls(upstream: Upstream, tmp_path: Path, token_file: Path, certificate: tuple[Path, Path]) -> None:
    certfile, keyfile = certificate
    trusting = ssl.create_default_context(cafile=certfile)
    settings = {
        "metrics_certificate": str(certfile),
        "metrics_key": str(keyfile),
        "metrics_token_file": str(token_file),
    }
    with Served(upstream, tmp_path, **settings) as served:
        assert str(served.middleware.metrics_url).startswith("https://127.0.0.1:")
        assert served.scrape(context=trusting, headers=bearer(TOKEN)).status_code == 200
        assert served.scrape(context=trusting).status_code == 401
        with pytest.raises(httpx.ConnectError, match="certificate"):
            served.scrape(headers=bearer(TOKEN))


def test_the_names_under_which_browsers_may_open_the_live_page(upstream: Upstream, tmp_path: Path) -> None:
    with Served(upstream, tmp_path, metrics_hosts=("tax.example",)) as served:
        assert served.scrape("/", headers={"host": "tax.example"}).status_code == 200
        assert served.scrape("/", headers={"host": "evil.example"}).status_code == 421


@pytest.fixture(params=["missing", "a folder", "empty", "two lines", "too long", "no text", "no token"])
def unusable(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file that holds no token, in whatever way."""
    file = tmp_path / "secret"
    content = {
        "empty": b"\n",
        "two lines": b"SECRET\nSECRET\n",
        "too long": b"SECRET" * 1000,
        "no text": b"SECRET\xff",
        "no token": b"SECRET (of mine)",
    }
    if request.param in content:
        file.write_bytes(content[request.param])
    elif request.param == "a folder":
        file.mkdir()
    return file


def test_an_unusable_token_file_is_named_and_not_shown(upstream: Upstream, tmp_path: Path, unusable: Path) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match="metrics_token_file=") as refused:
        Served(upstream, tmp_path, metrics_token_file=str(unusable))
    assert str(unusable) in str(refused.value)
    assert "SECRET" not in str(refused.value)


def test_a_token_file_that_may_not_be_read(token_file: Path) -> None:
    token_file.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)  # root may read every file
        with pytest.raises(PermissionError, match=r"metrics_token_file=.* let the user that serves read it"):
            metrics_access(Settings(metrics_token_file=str(token_file)))
    finally:
        os.seteuid(user)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"metrics_username": "u"}, "metrics_password_file=None"),
        ({"metrics_password_file": "p"}, "metrics_username=None"),
        ({"metrics_key": "k"}, "metrics_key='k' without metrics_certificate"),
    ],
)
def test_keys_that_go_together(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Settings(**settings)


def test_certificates_and_names_that_cannot_be_used(
    upstream: Upstream, tmp_path: Path, token_file: Path, password_file: Path, certificate: tuple[Path, Path]
) -> None:
    certfile, keyfile = certificate
    with pytest.raises(FileNotFoundError, match=r"metrics_key='missing\.pem'"):
        Served(upstream, tmp_path, metrics_certificate=str(certfile), metrics_key="missing.pem")
    with pytest.raises(ValueError, match=r"metrics_certificate=.* and metrics_key=.* do not hold"):
        Served(upstream, tmp_path, metrics_certificate=str(certfile), metrics_key=str(token_file))
    with pytest.raises(ValueError, match="metrics_certificate="):
        Served(upstream, tmp_path, metrics_certificate=str(keyfile))
    with pytest.raises(ValueError, match="metrics_username='a:b'"):
        Served(upstream, tmp_path, metrics_username="a:b", metrics_password_file=str(password_file))
    for name in ("http://tax.example", 5):
        with pytest.raises(ValueError, match=r"metrics_hosts=.* is not a host name"):
            Served(upstream, tmp_path, metrics_hosts=(name,))
