"""What a whole report is made of: files and folders of records and results, and the releases that they are of."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aligntax.experiment.result import read_json
from aligntax.taxes.whole.documents import Document, document
from aligntax.taxes.whole.notes import Note, notes_of
from aligntax.taxes.whole.reports import REPORT, documents_of_report

__all__ = ["Inputs", "LeftOut", "Release", "read_inputs"]

MAX_FILES = 2_000
MAX_DEPTH = 8

_DATE = re.compile(r"(\d{4})-?(0[1-9]|1[0-2])(?:-?(0[1-9]|[12]\d|3[01]))?(?!\d)")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file of a folder that is not in the report, and why."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class Release:
    """What was measured of one release.

    Attributes:
        name: of its folder.
        date: when it was.
        documents: at least one.
    """

    name: str
    date: datetime
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that a report is made of.

    Attributes:
        title: what it is about, as the inputs name it.
        documents: of the deployment as it is now: of the latest release, and of no release.
        releases: the oldest first; empty without any.
        left_out: of the folders.
        notes: what the folders say of themselves; see `notes_of`.
        read: the files that all of this is from.
    """

    title: str
    documents: tuple[Document, ...]
    releases: tuple[Release, ...]
    left_out: tuple[LeftOut, ...]
    read: tuple[Path, ...]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    file: str
    release: str
    asked_for: bool


def read_inputs(paths: Sequence[Path], *, releases: bool = False) -> Inputs:
    """Read files, and folders with what is below them, `MAX_DEPTH` folders deep; hidden ones are not looked at.

    Folders whose names start with a date, such as `2026-03-01-v1.4` or `2026-03`, are releases. In folders, whatever
    ends in `.json` and is neither a record nor a result is left out, with the reason; as an argument it is refused.
    A `note.txt` beside them is a note that stands at the top of the report.
    Where there are no records but reports, which `aligntax report` wrote, each of these is a release: of its folder, or
    named as its file; one without a date in its name is as old as the latest of its records.

    Args:
        paths: at least one.
        releases: whether the subfolders of a folder are releases whatever their names are; one without a date in its
            name is as old as the latest of its records. A folder with JSON files of its own is one itself.

    Raises:
        ValueError: if there is nothing to read, too much, or something that is damaged; names the file and the mend.
    """
    found = list(_unique(_all_found(paths, every=releases)))
    if len(found) > MAX_FILES:
        raise ValueError(f"more than {MAX_FILES:,} JSON files; name the folders that hold the records")
    documents: dict[str, list[Document]] = {}
    reports: dict[str, tuple[_Found, list[Document]]] = {}
    left_out: list[LeftOut] = []
    seen: dict[tuple[str, str], str] = {}

    def leave_out(one: _Found, reason: str) -> None:
        if one.asked_for:
            raise ValueError(f"{one.path}: {reason}; name what aligntax tax or aligntax bench wrote with --json")
        left_out.append(LeftOut(one.file, reason))

    for one in found:
        read = _read(one)
        if isinstance(read, str):
            leave_out(one, read)
        elif isinstance(read, list):
            name = one.release or one.path.stem
            known = reports.setdefault(name, (one, read))[0].file
            if known != one.file:
                leave_out(one, f"the release {name} has another report, {known}")
        elif (known := seen.setdefault((one.release, read.provenance["sha256"]), one.file)) == one.file:
            documents.setdefault(one.release, []).append(read)
        else:
            left_out.append(LeftOut(one.file, f"the same as {known}"))
    if documents:
        for one, _ in reports.values():
            leave_out(
                one, f"is a report ({REPORT}), and there are records; only reports alone give a trend of their own"
            )
    else:
        documents = {name: parts for name, (_, parts) in reports.items()}
    if not documents:
        named = ", ".join(map(str, paths))
        raise ValueError(f"{named}: no record and no result there; write some with: aligntax tax NAME ... --json FILE")
    ordered = tuple(
        sorted(
            (Release(name, _dated(name, parts), tuple(parts)) for name, parts in documents.items() if name),
            key=lambda release: (release.date, release.name),
        )
    )
    current = (*documents.get("", ()), *(ordered[-1].documents if ordered else ()))
    unread = {one.file for one in left_out}
    return Inputs(
        _title(current, paths),
        current,
        ordered,
        tuple(left_out),
        tuple(one.path for one in found if one.file not in unread),
        notes_of([*(path for path in paths if path.is_dir()), *(one.path.parent for one in found)]),
    )


def _read(one: _Found) -> Document | list[Document] | str:
    """Return what a record says, what all files of a report said, or why a file says nothing here."""
    try:
        data = read_json(one.path)
    except ValueError as error:
        if one.asked_for:
            raise
        return str(error).removeprefix(f"{one.path}: ")
    if isinstance(data, dict) and data.get("schema") == REPORT:
        return documents_of_report(one.path, data, one.file)
    return document(one.path, data, one.file)


def _all_found(paths: Sequence[Path], *, every: bool) -> Iterator[_Found]:
    for path in paths:
        if path.is_dir():
            yield from _of_folder(path, every=every)
        elif path.exists():
            yield _Found(path, path.name, "", asked_for=True)
        else:
            raise ValueError(f"{path}: there is no such file or folder; name one that exists")


def _of_folder(root: Path, *, every: bool) -> Iterator[_Found]:
    own = _is_release(root.resolve().name) or (every and any(root.glob("*.json")))
    for folder, names, files in os.walk(root):
        here = Path(folder)
        parts = here.relative_to(root).parts
        names[:] = sorted(name for name in names if not name.startswith(".")) if len(parts) < MAX_DEPTH else []
        release = root.resolve().name if own else _release_of(parts, every=every)
        for name in sorted(files):
            if name.endswith(".json") and not name.startswith("."):
                inner = (here / name).relative_to(root).as_posix()
                yield _Found(here / name, f"{root.resolve().name}/{inner}" if own else inner, release, asked_for=False)


def _release_of(parts: tuple[str, ...], *, every: bool) -> str:
    if every:
        return parts[0] if parts else ""
    return next((part for part in parts if _is_release(part)), "")


def _unique(found: Iterator[_Found]) -> Iterator[_Found]:
    """Yield each file once, with a name of its own: one that has been taken gets its folder's before it."""
    paths: set[Path] = set()
    names: set[str] = set()
    for one in found:
        path = one.path.resolve()
        if path in paths:
            continue
        paths.add(path)
        name, number = one.file, 2
        if name in names:
            name = f"{path.parent.name}/{one.path.name}"
        while name in names:
            name, number = f"{one.file} ({number})", number + 1
        names.add(name)
        yield _Found(one.path, name, one.release, one.asked_for)
        if len(paths) > MAX_FILES:
            return


def _is_release(name: str) -> bool:
    return _DATE.match(name) is not None


def _dated(name: str, documents: Sequence[Document]) -> datetime:
    """Return when a release was: the date in its name, or else the time of the latest of its files."""
    match = _DATE.match(name)
    if match is not None:
        year, month, day = (int(part or 1) for part in match.groups())
        try:
            return datetime(year, month, day, tzinfo=UTC)
        except ValueError as error:
            raise ValueError(f"the folder {name}: its name starts with no date ({error}); rename it") from error
    return max(_time(document) for document in documents)


def _time(document: Document) -> datetime:
    try:
        found = datetime.fromisoformat(document.created)
    except ValueError as error:
        raise ValueError(f"{document.file}: created={document.created!r:.60} is no time in ISO 8601") from error
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _title(documents: Sequence[Document], paths: Sequence[Path]) -> str:
    """Return the name of the one target that was measured, or else that of the first input."""
    targets = list(dict.fromkeys(document.name for document in documents if document.name))
    return targets[0] if len(targets) == 1 else paths[0].resolve().stem
