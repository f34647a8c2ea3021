"""Who may read a server's metrics, and how they are encrypted, as its settings say: a secret stands in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from aligntax.exporters.access import Access, Hosts
from aligntax.exporters.certificates import server_context
from aligntax.serving.settings import Settings

__all__ = ["MetricsAccess", "metrics_access"]

MAX_SECRET_BYTES = 4096


class MetricsAccess(TypedDict):
    """Keywords of `aligntax.exporters.server.serve`."""

    certfile: str | None
    keyfile: str | None
    username: str | None
    password: str | None
    token: str | None
    hosts: tuple[str, ...]


def metrics_access(settings: Settings) -> MetricsAccess:
    """Return what the server of the metrics has to know beside its address.

    Raises:
        OSError: if a file is missing or cannot be read.
        ValueError: if one holds no usable secret, or no certificate with its key; names the key and the mend, and
            nothing that stands in the file.
    """
    server_context(settings.metrics_certificate, settings.metrics_key, ("metrics_certificate", "metrics_key"))
    token = _secret("metrics_token_file", settings.metrics_token_file)
    password = _secret("metrics_password_file", settings.metrics_password_file)
    username = settings.metrics_username
    try:
        Access(token=token)
    except ValueError as error:
        raise ValueError(f"metrics_token_file={settings.metrics_token_file!r}: {error}") from None
    try:
        Access(None if username is None or password is None else (username, password))
    except ValueError as error:
        raise ValueError(f"metrics_username={username!r}: {error}") from None
    try:
        Hosts(settings.metrics_hosts)
    except ValueError as error:
        raise ValueError(f"metrics_{error}") from None  # it begins with hosts=
    return {
        "certfile": settings.metrics_certificate,
        "keyfile": settings.metrics_key,
        "username": username,
        "password": password,
        "token": token,
        "hosts": settings.metrics_hosts,
    }


def _secret(name: str, path: str | None) -> str | None:
    """Return the line that a file holds."""
    if path is None:
        return None
    try:
        if not Path(path).is_file():
            raise FileNotFoundError(f"{name}={path!r} is not there; pass the path of a file that holds nothing else")
        with Path(path).open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
    except PermissionError as error:
        raise PermissionError(
            f"{name}={path!r} must not be read by this user; let the user that serves read it"
        ) from error
    if len(content) > MAX_SECRET_BYTES:
        raise ValueError(f"{name}={path!r} has more than {MAX_SECRET_BYTES} bytes; write nothing but the secret there")
    try:
        secret = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError(f"{name}={path!r} is no text in UTF-8; write nothing but the secret there") from None
    if not secret or not secret.isprintable():
        raise ValueError(f"{name}={path!r} does not hold one line of text; write nothing but the secret there")
    return secret
