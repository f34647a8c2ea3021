"""The README's Python runs as it stands, top to bottom, and its file references exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_the_code_runs_as_one_program(capsys):
    scope = {}
    for number, block in enumerate(BLOCKS):
        exec(compile(block, f"README.md block {number}", "exec"), scope)
    printed = capsys.readouterr().out
    assert "alignment tax: " in printed
    scope["profiler"].close()


def test_the_first_block_shows_shares_that_sum_to_the_tax():
    scope = {}
    exec(compile(BLOCKS[0], "README.md", "exec"), scope)
    tax = scope["request"].tax
    assert set(tax.shares) == {"pii", "toxicity"}
    assert sum(tax.shares_ns.values()) == tax.tax_ns
    scope["profiler"].close()


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#:]+)\)", README))
def test_linked_files_exist(target):
    assert (ROOT / target).is_file()
