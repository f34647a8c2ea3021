"""All taxes of a deployment as one piece of plain data, schema `aligntax.whole/1`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from aligntax.taxes.record import KINDS
from aligntax.taxes.whole.documents import COMPUTE, LATENCY, Document
from aligntax.taxes.whole.inputs import Inputs
from aligntax.taxes.whole.scale import on_scale
from aligntax.taxes.whole.trade_off import trade_off
from aligntax.taxes.whole.trend import trend

__all__ = ["SCHEMA", "join"]

SCHEMA = "aligntax.whole/1"

_ORDER = ("performance", LATENCY, "capability", COMPUTE, "cost", "benefit", "scaling", "development", "debt")
_DRAWN = ("scaling", "debt")
_COMMANDS: dict[str, str] = {kind: f"aligntax tax {kind} ... --json {kind}.json" for kind in KINDS}
_COMMANDS[LATENCY] = "aligntax bench TARGET --json latency.json"


def join(inputs: Inputs, *, title: str = "") -> dict[str, Any]:
    """Return a whole report as plain data.

    Args:
        inputs: what `read_inputs` returns.
        title: what the report is about; as the inputs name it where it is empty.

    Returns:
        `schema`, `created`, `title`, and:

        - `measured`: `first` and `last`, when the files were made.
        - `scale`: of each tax with a relative figure, its headline with raw as 100; see `on_scale`. `definition` is the
          sentence of the first of them, or empty.
        - `taxes`: all figures, as in their records, each with its `kind`, whether it is the `headline` of its file,
          the name of the `source` file, and the `confidence` of its intervals. Of several files of a kind, names begin
          with their file's.
        - `refusals`: as in the records, with `kind` and `source`.
        - `not_measured`: `kind`, and the `command` that measures it.
        - `trade_off`: see `trade_off`.
        - `trend`: see `trend`; `releases`: `name`, `date`, how many `files` each has, and of each of its `sources` the
          `file`, `bytes` and `sha256`.
        - `details`: of each record of scaling and debt, `kind`, `source` and `more`, which has the curve.
        - `sources`: of each file `file`, `schema`, `kind`, `title`, `created`, `bytes`, `sha256`, the user's
          `parameters`, and the `inputs` that its figures were computed from.
        - `notes`: `source` and `text` of what the folders say of themselves, to be read before anything else.
        - `warnings`: `source` and `text`. `left_out`: `file` and `reason`.
    """
    documents = _sorted(inputs.documents)
    rows = _rows(documents)
    known = {row["kind"] for row in rows} | {document.kind for document in documents}
    scale = on_scale(rows)
    times = sorted(document.created for document in documents)
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "title": title or inputs.title,
        "measured": {"first": times[0], "last": times[-1]},
        "definition": scale[0]["sentence"] if scale else "",
        "scale": scale,
        "taxes": rows,
        "refusals": [
            {**refusal.to_dict(), "kind": document.kind, "source": document.file}
            for document in documents
            for refusal in document.refusals
        ],
        "not_measured": [
            {"kind": kind, "command": command} for kind, command in _ordered(_COMMANDS) if kind not in known
        ],
        "trade_off": trade_off(documents, rows),
        "trend": trend(
            [(release.name, release.date, _rows(_sorted(release.documents))) for release in inputs.releases]
        ),
        "releases": [
            {
                "name": release.name,
                "date": release.date.date().isoformat(),
                "files": len(release.documents),
                "sources": [_identified(document) for document in _sorted(release.documents)],
            }
            for release in inputs.releases
        ],
        "details": [
            {"kind": document.kind, "source": document.file, "more": dict(document.more)}
            for document in documents
            if document.more and document.kind in _DRAWN
        ],
        "sources": [_source(document) for document in documents],
        "notes": [{"source": note.source, "text": note.text} for note in inputs.notes],
        "warnings": [{"source": document.file, "text": text} for document in documents for text in document.warnings],
        "left_out": [{"file": one.file, "reason": one.reason} for one in inputs.left_out],
    }


def _sorted(documents: Sequence[Document]) -> list[Document]:
    return sorted(documents, key=lambda document: (_ORDER.index(document.kind), document.file))


def _rows(documents: Sequence[Document]) -> list[dict[str, Any]]:
    """Return all figures of some files as plain data, with names that are unique within a kind."""
    files: dict[str, list[str]] = {}
    for document in documents:
        for kind in {kind for kind, _ in document.figures}:
            files.setdefault(kind, []).append(document.file)
    rows = [row for document in documents for row in _of_document(document, files)]
    return sorted(rows, key=lambda row: _ORDER.index(row["kind"]))


def _of_document(document: Document, files: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for kind, figure in document.figures:
        own = _own_name(document.file, files[kind])
        yield {
            "kind": kind,
            "source": document.file,
            "headline": kind not in seen,
            "confidence": document.confidence,
            **figure.to_dict(),
            "name": f"{own}:{figure.name}" if own else figure.name,
            "title": f"{figure.title} ({own})" if own else figure.title,
        }
        seen.add(kind)


def _own_name(file: str, files: Sequence[str]) -> str:
    """Return what tells a file from the others of its kind, in short; nothing where there are no others."""
    stems = [PurePosixPath(each).stem for each in files]
    if len(files) == 1:
        return ""
    return file.removesuffix(".json") if len({*stems}) < len(stems) else PurePosixPath(file).stem


def _source(document: Document) -> dict[str, Any]:
    return {
        **_identified(document),
        "schema": document.schema,
        "kind": document.kind,
        "title": document.title,
        "created": document.created,
        "parameters": dict(document.parameters),
        "inputs": [dict(source) for source in document.inputs],
    }


def _identified(document: Document) -> dict[str, Any]:
    """Return what says whether it is the same file."""
    return {"file": document.file, **{key: document.provenance[key] for key in ("bytes", "sha256")}}


def _ordered(commands: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(commands.items(), key=lambda pair: _ORDER.index(pair[0]))
