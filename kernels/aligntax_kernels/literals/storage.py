"""Pattern sets in files: JSON, versioned and checked.

A file holds the patterns and how they match, and not the tables: a kernel follows the numbers in those without a check,
and compiling ten thousand patterns anew takes less than a tenth of a second.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aligntax_kernels.fold import Folding
from aligntax_kernels.literals.patterns import PatternSet, make_patterns
from aligntax_kernels.text import decoded, encoded

__all__ = ["load", "save"]

FORMAT = "aligntax.literals/1"
MAX_FILE_BYTES = 512 * 2**20


def save(patterns: PatternSet, path: Path) -> None:
    """Write a pattern set; the file is complete or not there at all.

    Raises:
        OSError: if it cannot be written.
    """
    kind = "str" if patterns.holds_text else "bytes"
    content = {
        "kind": kind,
        # Base64 for both: a str may hold lone surrogates, which are no UTF-8.
        "patterns": [base64.b64encode(encoded(pattern)).decode("ascii") for pattern in patterns.patterns],
        "caseless": patterns.caseless,
        "whole_words": patterns.whole_words,
        "match": patterns.match,
        "fold": None if patterns.folding is None else asdict(patterns.folding),
    }
    document = {"format": FORMAT, "sha256": _digest(content), "content": content}
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(document), encoding="utf-8")
    partial.replace(path)


def load(path: Path) -> PatternSet:
    """Return the pattern set in a file that `save` wrote.

    Raises:
        ValueError: if it is another file, of another version, damaged, or larger than 512 MiB; names it and the mend.
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        raw = file.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise ValueError(f"{path}: more than {MAX_FILE_BYTES // 2**20} MiB; split the pattern set")
    try:
        document: Any = json.loads(raw)
        content: Any = document.get("content") if isinstance(document, dict) else None
        digest = _digest(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: is no saved pattern set; write one with Literals.save") from error
    found = document.get("format") if isinstance(document, dict) else None
    if found != FORMAT:
        raise ValueError(f"{path}: its format is {found!r}, and this version reads {FORMAT!r}; save the set again")
    if document.get("sha256") != digest:
        raise ValueError(f"{path}: is damaged (its digest is another); save the set again")
    try:
        return _restored(content)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: its content is not that of a pattern set ({error}); save the set again") from error


def _restored(content: dict[str, Any]) -> PatternSet:
    raw = [base64.b64decode(pattern, validate=True) for pattern in content["patterns"]]
    given: Any = [decoded(pattern) for pattern in raw] if content["kind"] == "str" else raw
    # What `caseless` alone brings is made again from it.
    folding = Folding(**content["fold"]) if content["fold"] else None
    return make_patterns(
        given,
        caseless=content["caseless"],
        whole_words=content["whole_words"],
        match=content["match"],
        fold=folding,
    )


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
