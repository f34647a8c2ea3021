"""A server's certificate and private key, looked at before the server, or each of its workers, fails over them."""

from __future__ import annotations

import ssl
from pathlib import Path

__all__ = ["server_context"]


def server_context(
    certfile: Path | str | None, keyfile: Path | str | None, names: tuple[str, str] = ("certfile", "keyfile")
) -> ssl.SSLContext | None:
    """Return what makes a server HTTPS, TLS 1.2 or later; None where no certificate is named.

    Args:
        certfile: PEM file with the certificate chain, and the private key unless `keyfile` has it.
        keyfile: PEM file with the private key, not encrypted.
        names: what whoever names the files calls them.

    Raises:
        FileNotFoundError: if one is missing.
        ValueError: for a key without a certificate, and if they do not belong together.
    """
    if certfile is None:
        if keyfile is not None:
            raise ValueError(f"{names[1]}={str(keyfile)!r} without {names[0]}; pass the certificate as well")
        return None
    for name, path in zip(names, (certfile, keyfile), strict=True):
        if path is not None and not Path(path).is_file():
            raise FileNotFoundError(f"{name}={str(path)!r} is not there; pass the path of a PEM file")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certfile, keyfile, password=_refuse_passphrase)
    except ssl.SSLError as error:
        raise ValueError(
            f"{names[0]}={str(certfile)!r} and {names[1]}={str(keyfile or certfile)!r} do not hold a certificate and "
            f"its private key ({error.reason}); pass PEM files that belong together"
        ) from error
    return context


def _refuse_passphrase() -> str:
    """Stand in for the prompt on the terminal that an encrypted key would otherwise get."""
    raise ValueError("the private key is encrypted; pass a keyfile that is not")
