"""Keeps a model in a file: a numpy archive with a version, checked member by member before any of it is used."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, fields
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from aligntax_kernels.linear.model import LABEL_KINDS, Features, Model

__all__ = ["read_model", "write_model"]

FORMAT = "aligntax.linear/1"
MEMBERS = ("settings", "coefficients", "intercepts", "classes")
MOST_BYTES = 1 << 32
"""No array may be larger: 4 GiB hold 500 classes of 2**20 features. A few bytes could unpack to more than memory."""

_MOST_SETTINGS = 1 << 24
_MOST_HEADER = 1 << 16


def write_model(path: Path, model: Model) -> None:
    """Write a model; the file is complete or not there at all.

    Raises:
        OSError: if the file cannot be written.
        ValueError: for a model that is larger than what `read_model` accepts.
    """
    settings = json.dumps({"format": FORMAT, "link": model.link, "features": asdict(model.features)})
    arrays: dict[str, Any] = {
        "settings": np.frombuffer(settings.encode(), np.uint8),
        "coefficients": model.weights.T,
        "intercepts": model.intercepts,
        "classes": model.classes,
    }
    for name, array in arrays.items():
        _check_size(name, array.nbytes)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, **arrays)
    partial.replace(path)


def read_model(path: Path) -> Model:
    """Return the model in a file.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not what `write_model` writes; says what is wrong.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            _check_members(archive)
            settings = _settings(_member(archive, "settings"))
            arrays = {name: _member(archive, name) for name in MEMBERS[1:]}
        return Model(
            Features(**settings["features"]),
            settings["link"],
            np.ascontiguousarray(arrays["coefficients"].T),
            np.ascontiguousarray(arrays["intercepts"]),
            arrays["classes"],
        )
    except (OSError, MemoryError):
        raise
    except Exception as error:  # zipfile, numpy and json have no closed list of what they raise for a damaged file
        raise ValueError(f"{path} is no model that Scorer.save wrote, or is damaged: {error}") from error


def _check_members(archive: zipfile.ZipFile) -> None:
    found = sorted(info.filename for info in archive.infolist())
    wanted = sorted(f"{name}.npy" for name in MEMBERS)
    if found != wanted:
        raise ValueError(f"it holds {', '.join(found) or 'nothing'}; expected {', '.join(wanted)}")
    for info in archive.infolist():
        # Neither would be seen to be damage: bz2 and a place before the file have it that a file cannot be read.
        if info.header_offset < 0:
            raise ValueError(f"{info.filename} begins {-info.header_offset} bytes before the file")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{info.filename} is compressed by method {info.compress_type}; expected deflate")


def _check_size(name: str, size: int) -> None:
    most = _MOST_SETTINGS if name == "settings" else MOST_BYTES
    if not 0 <= size <= most:
        raise ValueError(f"{name} take {size} bytes; at most {most} are accepted")


def _member(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Return one array of the archive, after its header was compared with its size.

    `numpy.load` would allocate whatever the header asks for.
    """
    with archive.open(f"{name}.npy") as member:
        shape, fortran, dtype = _header(member)
        if dtype.kind not in LABEL_KINDS:
            raise ValueError(f"{name} are of dtype {dtype}; expected numbers or strings")
        expected = dtype.itemsize * int(np.prod(shape, dtype=object))
        _check_size(name, expected)
        data = member.read(expected)
        # The read that finds the end also compares the checksum.
        if len(data) != expected or member.read(1):
            raise ValueError(f"{name} are not of the {expected} bytes that their shape {shape} needs")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="))


def _header(member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(member)
    if version == (1, 0):
        return npy.read_array_header_1_0(member, max_header_size=_MOST_HEADER)
    if version == (2, 0):
        return npy.read_array_header_2_0(member, max_header_size=_MOST_HEADER)
    raise ValueError(f"its array format is {version}; expected 1.0 or 2.0")


def _settings(array: NDArray[Any]) -> dict[str, Any]:
    settings = json.loads(array.astype(np.uint8).tobytes())
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        written = settings.get("format") if isinstance(settings, dict) else None
        raise ValueError(f"its format is {written!r}; this version reads {FORMAT!r}")
    features = settings["features"]
    named = {field.name for field in fields(Features)}
    if not isinstance(features, dict) or set(features) != named:
        raise ValueError(f"its features are not the expected {', '.join(sorted(named))}")
    features["ngram_range"] = tuple(features["ngram_range"])
    features["stop_words"] = tuple(features["stop_words"])
    return settings
