"""Certificates and private keys, looked at before a server, or each of its workers, fails over them."""

from __future__ import annotations

import ssl
from pathlib import Path

__all__ = ["require_pair"]


def require_pair(certfile: str | None, keyfile: str | None, names: tuple[str, str] = ("certfile", "keyfile")) -> None:
    """Make sure that a certificate and its key can be used; without either there is nothing to use.

    Args:
        certfile: PEM file with the certificate chain, and the private key unless `keyfile` has it.
        keyfile: PEM file with the private key, not encrypted.
        names: what whoever names the files calls them.

    Raises:
        FileNotFoundError: if one is missing.
        ValueError: if they do not belong together.
    """
    if certfile is None:
        return
    for name, path in zip(names, (certfile, keyfile), strict=True):
        if path is not None and not Path(path).is_file():
            raise FileNotFoundError(f"{name}={path!r} is not there; pass the path of a PEM file")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certfile, keyfile, password=_refuse_passphrase)
    except ssl.SSLError as error:
        raise ValueError(
            f"{names[0]}={certfile!r} and {names[1]}={keyfile or certfile!r} do not hold a certificate and its private "
            f"key ({error.reason}); pass PEM files that belong together"
        ) from error


def _refuse_passphrase() -> str:
    """Stand in for the prompt on the terminal that an encrypted key would otherwise get."""
    raise ValueError("the private key is encrypted; pass a keyfile that is not")
