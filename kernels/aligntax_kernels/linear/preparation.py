"""From a text as the caller holds it to the characters that features are cut from: decoding, case, accents.

The interpreter's own `str` methods do it, which are what scikit-learn calls: no table of ours could differ from them.
"""

from __future__ import annotations

import codecs
import unicodedata

from aligntax_kernels.linear.model import Features

__all__ = ["ascii_is_itself", "decoded", "prepared", "utf8"]

# In these, bytes below 128 mean ASCII whatever stands beside them; in UTF-7 or ISO 2022 they do not.
_ASCII_SUPERSETS = ("utf-8", "ascii", "iso8859-1", "cp1252")

# Characters that are decomposed at once.
_PIECE = 64


def ascii_is_itself(features: Features) -> bool:
    """Return whether bytes that are all ASCII are the text that they spell."""
    return codecs.lookup(features.encoding).name in _ASCII_SUPERSETS


def decoded(features: Features, text: str | bytes) -> str:
    """Return the text as a `str`.

    Raises:
        TypeError: for anything but str and bytes.
        ValueError: for bytes that do not decode, where `features.decode_error` is "strict".
    """
    if isinstance(text, str):
        return text
    if not isinstance(text, bytes):
        raise TypeError(f"text: got a {type(text).__name__}; pass str or bytes")
    try:
        return text.decode(features.encoding, features.decode_error)
    except UnicodeError as error:
        position = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
    # Raised out here, since that error carries the text, and would go along as the context of this one.
    raise ValueError(f"text: not valid {features.encoding}{position}; pass a str, or fit with decode_error='replace'")


def prepared(features: Features, text: str) -> str:
    """Return the text lower-cased and stripped of accents, as far as the features ask for it."""
    if features.lowercase:
        text = text.lower()
    if features.strip_accents is None or text.isascii():
        return text
    # Putting a run of marks into order takes time quadratic in its length; of the marks, none is kept. So a text may be
    # decomposed in pieces, which differs in nothing but that order.
    pieces = (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))
    apart = "".join(unicodedata.normalize("NFKD", piece) for piece in pieces)
    if features.strip_accents == "ascii":
        return apart.encode("ascii", "ignore").decode("ascii")
    return "".join(character for character in apart if not unicodedata.combining(character))


def utf8(features: Features, text: str) -> bytes:
    """Return the UTF-8 of a text from which features are cut.

    Raises:
        ValueError: for a lone surrogate where it would become part of a feature, as scikit-learn does.
    """
    if features.analyzer == "word":  # where a surrogate is no word character, and only separates
        return text.encode("utf-8", "surrogatepass")
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        position = error.start
    # As in `decoded`.
    raise ValueError(
        f"text: a lone surrogate at position {position} has no UTF-8 to hash; decode the text with errors='replace'"
    )
