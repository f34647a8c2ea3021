"""Reports of earlier releases, read again: each gives back what its records said, so that many give a trend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from aligntax.taxes.record import KINDS, Refusal
from aligntax.taxes.whole.documents import COMPUTE, LATENCY, MAX_FIGURES, Document, figure_of

__all__ = ["REPORT", "documents_of_report"]

REPORT = "aligntax.whole/1"
MAX_SOURCES = 200
"""More would take minutes: each figure is looked for in each of them."""

_KNOWN = (*KINDS, LATENCY, COMPUTE)


def documents_of_report(path: Path, data: Mapping[str, Any], file: str) -> list[Document]:
    """Return what a report says, file by file, as it had read it; its own trend is left out.

    Args:
        path: of the report, `aligntax.whole/1`.
        data: the JSON that is in it.
        file: what it is called in the report that is made now; the names of its files begin with it.

    Raises:
        ValueError: if it is not as its schema says; names the file and the mend.
    """
    try:
        documents = [_document(data, source, file) for source in _bounded(data)]
        notes = tuple(str(note["text"]) for note in data.get("notes") or ())
        return [replace(documents[0], warnings=(*notes, *documents[0].warnings)), *documents[1:]]
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{path}: is not whole ({reason:.120}); write it anew with: aligntax report") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _bounded(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the files of a report that has at least one, and no more figures than such files may have."""
    files = list(data["sources"])
    if not files or len(files) > MAX_SOURCES or len(data["taxes"]) > MAX_FIGURES * len(files):
        found = f"{len(data['taxes']):,} figures of {len(files):,} files"
        raise ValueError(f"{found}; a report has at most {MAX_FIGURES:,} of each, and 1 to {MAX_SOURCES:,} files")
    return files


def _document(data: Mapping[str, Any], source: Mapping[str, Any], file: str) -> Document:
    inner = str(source["file"])
    return Document(
        file=inner if inner.startswith(f"{PurePosixPath(file).stem}/") else f"{file}/{inner}",
        schema=str(source["schema"]),
        kind=_kind(source["kind"]),
        title=str(source["title"]),
        created=str(source["created"]),
        provenance={"bytes": int(source["bytes"]), "sha256": str(source["sha256"])},
        figures=tuple(
            (_kind(row["kind"]), figure_of(_named_as_there(row, inner)))
            for row in data["taxes"]
            if row["source"] == inner
        ),
        refusals=tuple(
            Refusal(str(one["what"]), str(one["reason"]), str(one["message"]))
            for one in data["refusals"]
            if one["source"] == inner
        ),
        warnings=tuple(str(one["text"]) for one in data["warnings"] if one["source"] == inner),
        parameters=dict(source["parameters"]),
        inputs=tuple(dict(each) for each in source["inputs"]),
        more=_more(data, inner),
        name=str(data["title"]),
    )


def _kind(found: Any) -> str:
    if found not in _KNOWN:
        raise ValueError(f"kind {found!r:.40} is no tax that is known; known are {', '.join(_KNOWN)}")
    return str(found)


def _named_as_there(row: Mapping[str, Any], file: str) -> Mapping[str, Any]:
    """Return a figure as its file names it: of several files of a kind, the report put the file's name to it."""
    for own in (PurePosixPath(file).stem, file.removesuffix(".json")):
        before, behind = f"{own}:", f" ({own})"
        if row["name"].startswith(before) and row["title"].endswith(behind):
            return {**row, "name": row["name"].removeprefix(before), "title": row["title"].removesuffix(behind)}
    return row


def _more(data: Mapping[str, Any], file: str) -> dict[str, Any]:
    """Return the curves of a file, and the front, which is that of the first of its files."""
    found = next((dict(one["more"]) for one in data["details"] if one["source"] == file), {})
    front = (data["trade_off"] or {}).get("front")
    if front and front.get("sources", [""])[0] == file:
        found["front"] = {key: part for key, part in front.items() if key != "sources"}
    return found
