"""The metrics server over HTTPS, with a certificate that the client really checks."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aligntax import Profiler
from aligntax.exporters.server import MetricsServer, serve

Fetch = Callable[..., Any]
Certificate = tuple[Path, Path]


def connected(server: MetricsServer) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=20)


def test_https_with_a_verified_certificate(busy: Profiler, fetch: Fetch, certificate: Certificate) -> None:
    certfile, keyfile = certificate
    context = ssl.create_default_context(cafile=certfile)
    with serve(busy, port=0, certfile=certfile, keyfile=keyfile) as server:
        assert server.url == f"https://127.0.0.1:{server.port}"
        reply = fetch(f"{server.url}/metrics", context=context)
        assert reply.status == 200
        assert b"aligntax_build_info" in reply.body
        with pytest.raises(ssl.SSLCertVerificationError):
            fetch(f"{server.url}/metrics", context=ssl.create_default_context())


def test_certificate_and_key_may_share_a_file(
    busy: Profiler, fetch: Fetch, certificate: Certificate, tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(b"".join(path.read_bytes() for path in certificate))
    with serve(busy, port=0, certfile=str(both)) as server:
        context = ssl.create_default_context(cafile=certificate[0])
        assert fetch(f"{server.url}/metrics", context=context).status == 200


def test_a_client_that_does_not_shake_hands_holds_up_nobody(
    busy: Profiler,
    fetch: Fetch,
    certificate: Certificate,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aligntax.exporters.listener.IDLE_SECONDS", 3600)
    certfile, keyfile = certificate
    context = ssl.create_default_context(cafile=certfile)
    with serve(busy, port=0, certfile=certfile, keyfile=keyfile) as server, connected(server) as silent:
        assert fetch(f"{server.url}/metrics", context=context).status == 200
        answer = b""
        with connected(server) as clear, contextlib.suppress(ConnectionResetError):
            clear.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            while part := clear.recv(4096):
                answer += part
        assert b"aligntax" not in answer
        server.close()
        assert not {"aligntax-metrics", "aligntax-scrape"} & {thread.name for thread in threading.enumerate()}
        while silent.recv(4096):  # the alert that says why; then the end
            pass
    assert capfd.readouterr() == ("", "")


def test_tls_older_than_1_2_is_refused(busy: Profiler, certificate: Certificate) -> None:
    certfile, keyfile = certificate
    context = ssl.create_default_context(cafile=certfile)
    with serve(busy, port=0, certfile=certfile, keyfile=keyfile) as server:
        with connected(server) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as encrypted:
            assert encrypted.version() in {"TLSv1.2", "TLSv1.3"}
        context.set_ciphers("DEFAULT@SECLEVEL=0")  # or the client would not even try
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with connected(server) as plain, pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
            context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_files_that_are_missing_or_do_not_fit_are_named(
    profiler: Profiler, certificate: Certificate, tmp_path: Path
) -> None:
    certfile, keyfile = certificate
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate\n", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match=r"certfile='.*missing\.pem'"):
        serve(profiler, port=0, certfile=tmp_path / "missing.pem")
    with pytest.raises(FileNotFoundError, match=r"keyfile='.*missing\.key'"):
        serve(profiler, port=0, certfile=certfile, keyfile=tmp_path / "missing.key")
    for pair in ((junk, keyfile), (certfile, junk), (certfile, None), (keyfile, keyfile)):
        with pytest.raises(ValueError, match="do not hold a certificate and its private key"):
            serve(profiler, port=0, certfile=pair[0], keyfile=pair[1])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl program, which encrypts a key, is missing")
def test_an_encrypted_key_is_refused_and_not_asked_for(
    profiler: Profiler, certificate: Certificate, tmp_path: Path
) -> None:
    certfile, keyfile = certificate
    encrypted = tmp_path / "encrypted.key"
    command = ["openssl", "pkcs8", "-topk8", "-in", str(keyfile), "-out", str(encrypted), "-passout", "pass:secret"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    with pytest.raises(ValueError, match="the private key is encrypted"):
        serve(profiler, port=0, certfile=certfile, keyfile=encrypted)
