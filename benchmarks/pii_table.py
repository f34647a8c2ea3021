"""Renders the precision and recall in a result of the benchmark `pii`, without what it takes to measure them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def rendered(quality: Mapping[str, Any]) -> str:
    """Return the scores of a result as a Markdown table.

    Args:
        quality: the `quality` of a result of the benchmark `pii`.
    """
    lines = [
        "| type | aligntax: precision | recall | Presidio: precision | recall | exact, aligntax | exact, Presidio |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    scores = quality["scores"]
    for kind in scores["aligntax"]:
        cells = [kind]
        for name in ("aligntax", "presidio"):
            cells += [_percent(scores[name][kind]["overlap"][figure]) for figure in ("precision", "recall")]
        for name in ("aligntax", "presidio"):
            exact = scores[name][kind]["exact"]
            cells.append(f"{_percent(exact['precision'])}, {_percent(exact['recall'])}")
        lines.append("| " + " | ".join(cells) + " |")
    alarms = {name: sum(counts.values()) for name, counts in quality["false_alarms_by_source"].items()}
    lines += [
        "",
        f"{quality['texts']:,} generated texts in {len(quality['locales'])} locales that the grammar was not tuned on, "
        f"{quality['texts_without_personal_data']:,} of them without personal data: there aligntax reported "
        f"{alarms['aligntax']:,} spans and Presidio {alarms['presidio']:,}. A span counts that overlaps the right one; "
        f"exact: precision, recall of spans that are the right one to the character. Presidio has its pattern "
        f"recognizers, without a language model and so without its context words.",
    ]
    return "\n".join(lines)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
