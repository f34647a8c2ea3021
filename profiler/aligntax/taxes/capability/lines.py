"""What a line of samples looks like.

Each line is an object: a prompt's id and one sample of it, or all of its samples in a list.

    {"id": "p1", "text": "..."}
    {"id": "p1", "samples": ["...", "..."]}

A prompt's lines need not follow each other; its samples are taken in their order. A line may also say `"refused"`,
true or false, which then goes before any detector; `"safe": true`, of a prompt that nothing speaks against answering;
and `"decoding"`, how it was sampled, which must be the same in all lines of both files.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["MAX_SAMPLES", "Fields", "Line", "Written", "parsed"]

MAX_SAMPLES = 256
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Fields:
    """What the fields of a line are called.

    Attributes:
        id: of the prompt: a string or a whole number, which are the same if they are written alike.
        text: of one sample.
        samples: a list of them, instead.
        refused: whether it was a refusal: true or false, or a list of those beside a list of samples; may be missing.
        safe: whether the prompt is a safe one: true or false; may be missing.
        decoding: anything that says how it was sampled; may be missing.
    """

    id: str = "id"
    text: str = "text"
    samples: str = "samples"
    refused: str = "refused"
    safe: str = "safe"
    decoding: str = "decoding"


class Written(NamedTuple):
    """One sample, as its line has it.

    Attributes:
        text: what the model answered.
        refused: what the line says of it; None where it says nothing.
    """

    text: str
    refused: bool | None


class Line(NamedTuple):
    """One line.

    Attributes:
        key: hash of the prompt's id.
        samples: at least one.
        safe: whether the prompt is said to be safe; None where the line says nothing.
        decoding: how it was sampled, as JSON; None likewise.
        listed: whether the samples stood in a list.
    """

    key: int
    samples: list[Written]
    safe: bool | None
    decoding: str | None
    listed: bool


def parsed(raw: bytes, names: Fields, salt: bytes) -> Line | None:
    """Return what is on a line; None for a blank one.

    Args:
        raw: the line.
        names: of its fields.
        salt: of the hash of the id, at most 64 bytes.

    Raises:
        ValueError: if it is no such line; names the field and the mend.
    """
    try:
        written = raw.removeprefix(_BYTE_ORDER_MARK).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8; convert the file, for example with iconv") from error
    if not written.strip():
        return None
    try:
        found = json.loads(written)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"broken JSON, {error.msg} at column {error.colno}; write one JSON object on each line"
        ) from error
    except RecursionError as error:
        raise ValueError("JSON that is nested too deeply; write a flat object") from error
    if not isinstance(found, dict):
        raise ValueError(f"a {type(found).__name__}; write an object with an id and a sample")  # noqa: TRY004
    samples = _samples(found, names)
    decoding = found.get(names.decoding)
    return Line(
        _key(found, names.id, salt),
        samples,
        _label(names.safe, found.get(names.safe)),
        None if decoding is None else json.dumps(decoding, sort_keys=True),
        names.samples in found,
    )


def _key(found: dict[str, Any], name: str, salt: bytes) -> int:
    if name not in found:
        raise ValueError(f"no {name!r}; add it, or name the field with the prompt's id by --id")
    value = found[name]
    if not isinstance(value, (str, int)) or isinstance(value, bool) or value == "":
        raise ValueError(f"{name!r} is no id; write a string or a whole number")
    digest = hashlib.blake2b(str(value).encode("utf-8", "replace"), digest_size=8, key=salt)
    return int.from_bytes(digest.digest(), "little")


def _samples(found: dict[str, Any], names: Fields) -> list[Written]:
    if (names.text in found) == (names.samples in found):
        raise ValueError(
            f"it needs either {names.text!r}, a sample, or {names.samples!r}, a list of them; "
            "--text names the field with the sample"
        )
    if names.text in found:
        return [_written(names, found[names.text], found.get(names.refused))]
    texts, refused = found[names.samples], found.get(names.refused)
    if not isinstance(texts, list) or not texts:
        raise ValueError(f"{names.samples!r} is no list of samples; write at least one string into it")
    if len(texts) > MAX_SAMPLES:
        raise ValueError(f"{names.samples!r} holds {len(texts):,} samples; keep at most {MAX_SAMPLES}")
    if refused is None:
        refused = [None] * len(texts)
    if not isinstance(refused, list) or len(refused) != len(texts):
        raise ValueError(f"{names.refused!r} must be a list as long as {names.samples!r}; write one label a sample")
    return [_written(names, text, label) for text, label in zip(texts, refused, strict=True)]


def _written(names: Fields, text: Any, refused: Any) -> Written:
    if not isinstance(text, str):
        raise ValueError(f"a sample that is a {type(text).__name__}; write a string")  # noqa: TRY004
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")  # halves of surrogate pairs are no text
    return Written(text, _label(names.refused, refused))


def _label(name: str, value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{name!r} is a {type(value).__name__}; write true or false")
    return value
