"""The README's table of run lengths is what the statistics say."""

from __future__ import annotations

import re
from pathlib import Path

from aligntax.inference import power_table

README = Path(__file__).resolve().parents[2] / "README.md"
PAIRS = (20, 50, 100, 200, 1000)
VARIATIONS = (0.02, 0.05, 0.10, 0.20)


def test_the_readme_shows_what_can_be_found_with_how_many_pairs():
    columns = [power_table(variation, PAIRS) for variation in VARIATIONS]
    head = "| pairs | " + " | ".join(f"{variation:.0%}".replace("%", " %") for variation in VARIATIONS) + " |"
    rows = [
        f"| {pairs:,} | " + " | ".join(f"{column[row].effect * 100:.2g} %" for column in columns) + " |"
        for row, pairs in enumerate(PAIRS)
    ]
    table = "\n".join([head, "|---:" * (len(VARIATIONS) + 1) + "|", *rows])
    shown = re.search(r"<!-- begin:power -->\n(.*?)\n<!-- end:power -->", README.read_text(), re.DOTALL)
    assert shown is not None
    assert shown[1] == table
