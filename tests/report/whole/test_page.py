"""The page, Markdown and table of the whole tax: what stands on them, for whole and for poor reports."""

from __future__ import annotations

import copy
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from aligntax.report.page.parts import Picture
from aligntax.report.whole import WholeTable, whole_markdown, write_whole_page
from aligntax.report.whole.sections.summary import summary
from aligntax.taxes.whole import join, read_inputs

from ...taxes.whole.records import benefit, capability, debt, performance, record, result, write
from ..pages import sections, words

HOSTILE = "<script>document.title='broken in'</script> $x^2$ & \"quoted\" | *b* λ"
EVERY = ("summary", "taxes", "benefit", "trend", "scaling", "debt", "missing", "reading", "sources")
Page = Callable[[dict[str, Any]], str]


@pytest.fixture
def page(tmp_path: Path) -> Page:
    """Write a page and return its text."""

    def write(whole: dict[str, Any]) -> str:
        folder = tmp_path / "page"
        folder.mkdir(exist_ok=True)
        path = folder / "page.html"
        write_whole_page(whole, path)
        assert [*folder.iterdir()] == [path]
        return path.read_text(encoding="utf-8")

    return write


def joined(folder: Path, **files: Any) -> dict[str, Any]:
    return join(read_inputs([write(folder, {f"{name}.json": data for name, data in files.items()})]))


def table(whole: dict[str, Any], width: int) -> str:
    out = StringIO()
    Console(file=out, width=width, highlight=False, markup=False, emoji=False).print(WholeTable(whole))
    return out.getvalue()


def test_a_note_stands_before_all_figures(page: Page, whole: dict[str, Any]) -> None:
    noted = {**whole, "notes": [{"source": "shop/note.txt", "text": f"All is made up. {HOSTILE}"}]}
    text = page(noted)
    assert text.index("All is made up.") < text.index("<nav") < text.index("<section")
    assert "<script" not in text
    assert "All is made up." in "".join(table(noted, 100).splitlines()[1:2])
    lines = [line for line in whole_markdown(noted).splitlines() if line]
    assert lines[1].startswith("> All is made up. &lt;script&gt;")
    plain = {key: part for key, part in whole.items() if key != "notes"}  # as earlier reports are
    assert 'class="note"' not in page(plain)
    assert "Note:" not in table(plain, 100)
    assert ">" not in whole_markdown(plain).splitlines()[2]


def test_the_ways_to_find_intervals_are_named(page: Page, whole: dict[str, Any]) -> None:
    assert "Newcombe, Wilson, Bonett and Price, Fieller" in words(page(whole))


def test_a_whole_report_has_every_section(page: Page, whole: dict[str, Any]) -> None:
    text = page(whole)
    assert sections(text) == EVERY
    assert text.count('class="plot wide"') == text.count('class="plot narrow"') == 7
    said = words(text)
    for part in (
        "Raw performance 100, after alignment 95.0: the tax is 5.0 (4.0 to 6.0).",
        "100 → 95.0",
        "paired, binary: (b - c)/n, McNemar",
        "-48.0 points (-57.0 to -38.0 points)",
        "dominated",
        "by blocklist, both",
        "The price of safety",
        "Performance: declines; Latency: declines; Compute: declines.",
        "grows: +8.90 points per tenfold size (+7.00 to +10.8)",
        "After 5 years without guards",
        "Not told: break_even.balance.",
        "different_versions",
        "aligntax tax cost ... --json cost.json",
        "has schema 'other/1'",
        "the chat templates differ",
        whole["sources"][0]["sha256"],
        "5e" * 32,
    ):
        assert part in said


def test_the_same_report_gives_the_same_page(page: Page, whole: dict[str, Any]) -> None:
    assert page(whole) == page(copy.deepcopy(whole))


@pytest.mark.parametrize(
    ("files", "expected", "said"),
    [
        ({"p": performance()}, ("summary", "taxes", "missing", "reading", "sources"), "the tax is 5.0"),
        (
            {"p": performance(-0.03)},
            ("summary", "taxes", "missing", "reading", "sources"),
            "a bonus, the tax is -3.0 (-4.0 to -2.0)",
        ),
        ({"r": result()}, ("summary", "taxes", "missing", "reading", "sources"), "with the guards 1"),
        (
            {"b": benefit()},
            ("summary", "taxes", "benefit", "missing", "reading", "sources"),
            "No tax of this deployment has a raw",
        ),
        ({"d": debt()}, ("summary", "taxes", "debt", "missing", "reading", "sources"), "Debt after 5 years"),
    ],
)
def test_what_was_not_measured_has_no_section(
    page: Page, tmp_path: Path, files: dict[str, Any], expected: tuple[str, ...], said: str
) -> None:
    text = page(joined(tmp_path / "in", **files))
    assert sections(text) == expected
    assert said in words(text)


def test_a_record_of_refusals_alone_is_a_page(page: Page, tmp_path: Path) -> None:
    refusals = performance()["refusals"]
    text = page(joined(tmp_path / "in", p={**record("performance", []), "refusals": refusals}))
    assert "2 figures refused" in words(text)
    assert "raw has version 1 and aligned version 2" in words(text)


def test_names_are_text_everywhere(page: Page, whole: dict[str, Any]) -> None:
    hostile = copy.deepcopy(whole)
    hostile["title"] = HOSTILE
    for part in ("taxes", "refusals", "trend", "scale", "warnings", "left_out", "sources"):
        for one in hostile[part]:
            for key in ("title", "message", "text", "reason", "formula", "what", "source", "file"):
                if isinstance(one.get(key), str):
                    one[key] = HOSTILE
    for point in hostile["trade_off"]["front"]["points"]:
        point["name"] += HOSTILE
    text = page(hostile).replace("<wbr>", "")
    assert "<script" not in text
    assert text.count("&lt;script&gt;") > 50
    rendered = MarkdownIt("commonmark").enable("table").render(whole_markdown(hostile))
    assert "<script" not in rendered
    assert "<em>" not in rendered
    files = {
        one["file"] for one in (*hostile["sources"], *(one for part in hostile["releases"] for one in part["sources"]))
    }
    weighed = [*hostile["trade_off"]["prices"], *hostile["trade_off"]["front"]["points"]]
    heads = 5
    assert rendered.count("<tr>") == len([*hostile["taxes"], *hostile["trend"], *weighed, *files]) + heads


def test_another_schema_and_missing_parts_are_refused(page: Page, whole: dict[str, Any], tmp_path: Path) -> None:
    for strange in ({"schema": "aligntax.whole/2"}, {}, [], {**whole, "taxes": None}, {**whole, "taxes": "none"}):
        for show in (page, WholeTable, whole_markdown):
            with pytest.raises(ValueError, match=r"schema|has no list 'taxes'"):
                show(strange)  # type: ignore[operator]
    with pytest.raises(ValueError, match=r"a part of the report is not as its schema says \(KeyError: 'kind'\)"):
        page({**whole, "taxes": [{}]})
    assert not [*tmp_path.rglob("*.html")]


def test_markdown_holds_every_figure_in_one_table(whole: dict[str, Any]) -> None:
    text = whole_markdown(whole)
    assert text.startswith("# Alignment tax of shop.chat:pipeline\n\n**Raw performance 100, after alignment 95.0")
    rows = [line for line in text.splitlines() if line.startswith(("| Performance", "| Latency", "| Compute"))]
    assert len(rows) >= 7
    assert "| +5.00 % (+4.00 to +6.00 %) | tax | 1,200 | paired, binary: (b - c)/n, McNemar |" in text
    assert "- Cost: `aligntax tax cost ... --json cost.json`" in text


@pytest.mark.parametrize("width", [80, 120, 300])
def test_the_table_fits_the_terminal(whole: dict[str, Any], width: int) -> None:
    text = table(whole, width)
    assert max(map(len, text.splitlines())) <= width
    assert "Raw performance 100" in text
    assert ("SHA-256" in text) == (width == 300)


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_a_narrow_terminal_shows_what_each_line_is_about(whole: dict[str, Any], width: int) -> None:
    lines = table(whole, width).splitlines()
    assert max(map(len, lines)) <= width
    head = next(number for number, line in enumerate(lines) if line.startswith("tax "))
    assert lines[head].split()[:4] == ["tax", "absolute", "relative", "verdict"]
    assert ("n" in lines[head].split()) == (width >= 80)
    ends = lines[head].index("absolute") + len("absolute")
    told = " ".join(line[:ends] for line in lines[head + 2 :])
    for row in whole["taxes"]:
        for word in f"{row['kind']} {row['title']}".split():
            assert word.lower().strip("():,") in told.lower(), row["title"]
    assert "+3.10 points" in " ".join(told.split())


def test_long_reports_are_cut_in_a_terminal_and_say_so(tmp_path: Path) -> None:
    one = performance()
    one["figures"] = [{**one["figures"][0], "name": f"task-{number}"} for number in range(90)]
    one["refusals"] = one["refusals"] * 30
    text = table(joined(tmp_path, p=one, c=capability()), 200)
    assert "These are the headlines; --json, --markdown and --html have 90 more figures." in text
    assert "and 40 more" in text
    assert "Refused: Performance, " in text
    assert "Above 0 is a tax, below 0 a bonus; in brackets 95 % intervals, unless a file says otherwise." in text


def test_a_tax_that_dwarfs_the_others_is_named_and_not_drawn(page: Page, whole: dict[str, Any]) -> None:
    far = copy.deepcopy(whole)
    far["scale"][3]["tax"] = {"value": 1301.0, "low": 1148.0, "high": 1473.0}
    text = words(page(far))
    assert "Too far out for this scale: Compute." in text
    assert "tax +1,301 (+1,148 to +1,473)" in text
    assert "Too far out" not in words(page(whole))


@pytest.mark.parametrize(
    ("verdict", "low", "role"),
    [
        ("tax", 1.0, "tax"),
        ("bonus", 1.0, "null"),
        ("inconclusive", -1.0, "raw"),
        ("no tax beyond the margin", 1.0, "raw"),
        (None, 1.0, "tax"),
        (None, -1.0, "raw"),
        (None, None, "tax"),
    ],
)
def test_a_bar_of_the_scale_is_drawn_as_what_the_sentence_calls_it(
    whole: dict[str, Any], verdict: str | None, low: float | None, role: str
) -> None:
    one = {**whole["scale"][0], "tax": {"value": 2.0, "low": low, "high": None if low is None else 3.0}}
    rows = [
        {**row, "verdict": verdict} if (row["kind"], row["name"]) == (one["kind"], one["name"]) else row
        for row in whole["taxes"]
    ]
    picture = summary({**whole, "scale": [one], "taxes": rows}).blocks[1]
    assert isinstance(picture, Picture)
    legend = {"tax": "tax", "null": "bonus", "raw": "neither of the two"}
    shown = [text for text in legend.values() if f">{text}</text>" in picture.drawing]
    assert shown == [legend[role]]


def test_releases_without_a_common_headline_are_all_in_the_tables(page: Page, whole: dict[str, Any]) -> None:
    figures = [{**whole["trend"][0], "headline": False, "name": f"f{at}", "title": f"Task {at}"} for at in range(520)]
    said = words(page({**whole, "trend": figures}))
    assert "All other figures over releases: 512" in said
    assert "12 more are in the JSON." in said
    assert "Performance: Task 507 " in said
    assert "Performance: Task 508 " not in said


def test_files_that_are_left_out_are_cut_off_and_counted(page: Page, whole: dict[str, Any]) -> None:
    left_out = [{"file": f"{number}.json", "reason": "no"} for number in range(501)]
    said = words(page({**whole, "left_out": left_out}))
    assert "501 files left out." in said
    assert "Files of the folders that are not in the report. 1 more are in the JSON." in said


def test_each_debt_is_in_its_own_currency(page: Page, tmp_path: Path) -> None:
    euro = debt()
    for figure in euro["figures"]:
        figure["unit"] = figure["unit"].replace("USD", "EUR")
    said = words(page(joined(tmp_path / "in", euros=euro, us=debt())))
    assert "4,550,000 EUR" in said
    assert "4,550,000 USD" in said
    assert said.count("debt, million EUR") == said.count("debt, million USD") == 2


def test_configurations_may_have_colons_in_their_names(page: Page, tmp_path: Path) -> None:
    several = benefit()
    for figure in several["figures"]:
        figure["name"] += ".v1:beta"
        figure["title"] += " (v1:beta)"
    said = words(page(joined(tmp_path / "in", b=several)))
    changed = said[said.index("What the guards changed.") : said.rindex("What is not told")]
    assert "Attack success: change by the guards (v1:beta)" in changed
    assert "False positives: change by the guards (v1:beta)" in changed
    assert "Attacks that succeed" not in changed
