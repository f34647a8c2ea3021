"""What is installed for a guard: distributions, those that they ask for, and the bytes of all."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

__all__ = ["Installed", "installed_for"]

_OURS = "aligntax"


class Installed(NamedTuple):
    """What a guard brings beside aligntax itself.

    Attributes:
        distributions: names, sorted: those that it loads, and those that these ask for, in this environment, their
            extras left out.
        bytes: of all of their files.
        unknown: packages that belong to no distribution, such as a module of the application.
    """

    distributions: tuple[str, ...]
    bytes: int
    unknown: tuple[str, ...]


def installed_for(packages: Iterable[str]) -> Installed:
    """Return what is installed for some top-level packages; Python's own and aligntax are left out.

    Args:
        packages: their names.
    """
    owners = metadata.packages_distributions()
    wanted: list[str] = []
    unknown = []
    for package in packages:
        found = [name for name in owners.get(package, []) if _key(name) != _OURS]
        wanted += found
        if not found and package not in sys.stdlib_module_names and not _is_ours(package, owners.get(package, [])):
            unknown.append(package)
    known: dict[str, metadata.Distribution] = {}
    while wanted:
        name = wanted.pop()
        if _key(name) in known or _key(name) == _OURS:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # asked for, and not installed: an error of that environment, and no byte of it
        known[_key(name)] = distribution
        wanted += _asked_for(distribution)
    return Installed(tuple(sorted(known)), sum(map(_size, known.values())), tuple(sorted(unknown)))


def _is_ours(package: str, owners: Iterable[str]) -> bool:
    return package.startswith((_OURS, "_")) or any(_key(owner) == _OURS for owner in owners)


def _asked_for(distribution: metadata.Distribution) -> Iterable[str]:
    from packaging.requirements import InvalidRequirement, Requirement

    for line in distribution.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue  # old metadata; what it asks for is counted if it is loaded
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement.name


def _size(distribution: metadata.Distribution) -> int:
    if _is_editable(distribution):
        return sum(map(_folder_size, _folders(distribution)))
    return sum(_file_size(Path(str(file.locate()))) for file in distribution.files or ())


def _is_editable(distribution: metadata.Distribution) -> bool:
    text = distribution.read_text("direct_url.json")
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return False
    return bool(isinstance(found, dict) and (found.get("dir_info") or {}).get("editable"))


def _folders(distribution: metadata.Distribution) -> Iterable[Path]:
    """Yield the folders of an editable distribution's packages, which its list of files does not name."""
    mine = _key(distribution.metadata["Name"])
    for package, owners in metadata.packages_distributions().items():
        if mine in map(_key, owners):
            spec = find_spec(package)
            yield from map(Path, (spec.submodule_search_locations or ()) if spec else ())


def _folder_size(folder: Path) -> int:
    return sum(_file_size(path) for path in folder.rglob("*"))


def _file_size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0  # listed, and since deleted


def _key(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
