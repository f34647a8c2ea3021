"""Fills in the package data, and writes it where an operator wants it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from aligntax.deploy.settings import Settings


class _Placeholders(Template):
    """`@{name}`: unlike `$name` it means nothing to Prometheus, Grafana and compose."""

    delimiter = "@"


def read_pack(settings: Settings) -> dict[Path, str]:
    """Return the files of the pack, filled in, by their path in it.

    Raises:
        KeyError, ValueError: if one of the package's own files holds a placeholder that nobody fills in.
    """
    values = settings.values()
    return {
        path: _Placeholders(source.read_text(encoding="utf-8")).substitute(values)
        for path, source in sorted(_sources(files("aligntax.deploy") / "data", Path()))
    }


def write_pack(folder: Path, settings: Settings, *, force: bool = False) -> list[Path]:
    """Write the pack.

    Args:
        folder: where to; made if it is not there. Files in it that are not the pack's stay as they are.
        settings: what the files are filled in with.
        force: whether to replace files that are there.

    Returns:
        The files that were written.

    Raises:
        NotADirectoryError: if `folder` is something else.
        FileExistsError: without `force`, if there are files of these names; nothing was written.
        OSError: if the folder or a file cannot be written; names it, and the mend.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise NotADirectoryError(f"{folder}: is no folder; name one, or one to be made")
    pack = {folder / path: text for path, text in read_pack(settings).items()}
    there = [path for path in pack if os.path.lexists(path)]
    if there and not force:
        raise FileExistsError(
            f"{folder}: {', '.join(str(path.relative_to(folder)) for path in there)} "
            f"{'is' if len(there) == 1 else 'are'} there already; pass --force to replace, or name another folder"
        )
    for path, text in pack.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise OSError(
                f"{path}: cannot be written ({error.strerror}); name a folder that is yours, or one to be made"
            ) from error
    return list(pack)


def _sources(folder: Traversable, path: Path) -> Iterator[tuple[Path, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _sources(entry, path / entry.name)
        else:
            yield path / entry.name, entry
