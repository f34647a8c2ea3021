"""The benchmark tables of the documents are what `benchmarks/table.py` makes of the newest results, no more."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "benchmarks" / "table.py"
NAMES = ("overhead", "calibration", "scrape", "memory", "imports", "serving", "proxying", "workers", "gating", "whatif")
KERNELS = ("literals", "streaming", "fold", "pii", "secrets", "tokens", "linear", "entropy", "warmup")
COMPARISON = {
    "case": "sync guard | 1 argument",
    "ours": 412.3,
    "peer": "two clock reads",
    "theirs": 150.04,
    "unit": "ns",
    "speedup": 150.04 / 412.3,
    "speedup_interval": [0.35, 0.38],
    "wanted": 1 / 3,
    "met": True,
}
CALIBRATION = {
    **COMPARISON,
    "case": "hidden behind the model",
    "unit": "us",
    "true_tax": 0.0,
    "median_error": 0.0,
    "p95_percent": None,
    "within_percent": 100.0,
}
SCORES = {kind: {"precision": 0.5, "recall": 0.25} for kind in ("overlap", "exact")}
QUALITY = {
    "scores": {"aligntax": {"email": SCORES}, "presidio": {"email": SCORES}},
    "false_alarms_by_source": {"aligntax": {"isbn": 1}, "presidio": {"isbn": 2, "date": 3}},
    "texts": 1_000,
    "texts_without_personal_data": 100,
    "locales": ["en_US"],
}


def table(*arguments):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def result(name, **changes):
    machine = {
        "cpu_model": "Abacus 9000",
        "cores": 2,
        "python": "3.11.7",
        "load_average": [0.04, 0.1, 0.2],
        "date": "2025-01-02T03:04:05+00:00",
    }
    rows = [CALIBRATION if name == "calibration" else COMPARISON]
    more = {"quality": QUALITY} if name == "pii" else {}
    return {
        "benchmark": name,
        "quick": False,
        "machine": machine,
        "answers_agree": True,
        "rows": rows,
        **more,
        **changes,
    }


def empty_tables(*names):
    return "".join(f"<!-- begin:{name} -->\n<!-- end:{name} -->\n" for name in names)


@pytest.fixture
def project(tmp_path):
    """Documents with empty tables, and one full result for each."""
    (tmp_path / "README.md").write_text("# aligntax\n" + empty_tables(*NAMES, "kernels") + "the end\n")
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "DESIGN.md").write_text(empty_tables(*KERNELS, "pii_quality"))
    (tmp_path / "results").mkdir()
    for name in (*NAMES, *KERNELS):
        keep(tmp_path, name, result(name))
    return tmp_path


def keep(project, name, data, date="2025-01-02"):
    (project / "results" / f"{name}-{date}.json").write_text(json.dumps(data))


def render(project, *arguments):
    return table("--root", project, "--results", project / "results", *arguments)


def test_the_readme_shows_the_newest_results():
    finished = table("--check")
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_rendering_fills_every_table_and_touches_nothing_else(project):
    assert render(project).returncode == 0
    readme = (project / "README.md").read_text()
    comparison = (
        r"| sync guard \| 1 argument | 412 ns | two clock reads | 150 ns | 1/2.75x (1/2.86x to 1/2.63x) | 1/3x: met |"
    )
    assert (
        readme.partition("<!-- begin:kernels -->")[0].count(comparison) == len(NAMES) - 1
    )  # calibration has columns of its own
    assert readme.count("| literals " + comparison) == 1
    assert "| hidden behind the model | 0 us | 0 us |" in readme
    assert "`python benchmarks/run.py memory`, 2025-01-02: Abacus 9000, 2 cores, Python 3.11.7, load 0.0;" in readme
    assert readme.startswith("# aligntax\n<!-- begin:overhead -->\n|")
    assert readme.endswith("<!-- end:kernels -->\nthe end\n")
    assert (project / "kernels" / "DESIGN.md").read_text().count(comparison) == len(KERNELS)


def test_the_quality_of_hits_is_rendered_from_the_result_of_pii(project):
    assert render(project).returncode == 0
    design = (project / "kernels" / "DESIGN.md").read_text()
    assert "| email | 50.0 % | 25.0 % | 50.0 % | 25.0 % | 50.0 %, 25.0 % | 50.0 %, 25.0 % |" in design
    assert "100 of them without personal data: there aligntax reported 1 spans and Presidio 5." in design


def test_the_summary_of_the_kernels_leaves_out_what_is_for_orientation(project):
    rows = [COMPARISON, {**COMPARISON, "case": "for orientation", "wanted": None, "met": None}]
    keep(project, "tokens", result("tokens", rows=rows))
    assert render(project).returncode == 0
    assert "for orientation" not in (project / "README.md").read_text()
    assert "for orientation" in (project / "kernels" / "DESIGN.md").read_text()


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [([0.35, 0.38], "1/3x: met"), ([0.30, 0.32], "1/3x: missed"), ([0.32, 0.35], "1/3x: within the noise")],
)
def test_a_figure_is_reached_only_if_its_whole_interval_says_so(project, interval, verdict):
    row = {**COMPARISON, "speedup_interval": interval, "met": interval[1] > 1 / 3}
    keep(project, "overhead", result("overhead", rows=[row]))
    assert render(project).returncode == 0
    assert verdict in (project / "README.md").read_text().partition("<!-- end:overhead -->")[0]


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"speedup": 2.6449, "speedup_interval": [2.62, 2.675], "wanted": 2}, "2.64x (2.62x to 2.67x) | 2x: met |"),
        ({"speedup": 2.5, "speedup_interval": None, "wanted": 1}, "2.50x | met |"),
        ({"speedup": 0.5, "speedup_interval": [0.4, 1.6], "wanted": None}, "1/2.00x (1/2.50x to 1.60x) |  |"),
        (
            {"ours": 12345.6, "theirs": 0.04567, "speedup": 1234.5},
            "| 12,346 ns | two clock reads | 0.046 ns | 1,234x (",
        ),
        ({"ours": -0.0449, "theirs": 0.0, "unit": "MiB"}, "| -0.045 MiB | two clock reads | 0 MiB |"),
    ],
    ids=["faster", "figure in the row", "for orientation", "large and small", "less than nothing"],
)
def test_numbers_are_shown_to_three_digits_and_speedups_below_one_as_fractions(project, changes, shown):
    keep(project, "memory", result("memory", rows=[{**COMPARISON, **changes}]))
    assert render(project).returncode == 0
    assert shown in (project / "README.md").read_text().partition("<!-- begin:memory -->")[2]


def test_intervals_are_promised_only_where_there_are_some(project):
    keep(project, "memory", result("memory", rows=[{**COMPARISON, "speedup_interval": None}]))
    assert render(project).returncode == 0
    before, _, after = (project / "README.md").read_text().partition("<!-- end:memory -->")
    assert before.endswith("load 0.0.\n")
    assert "load 0.0; medians with 95 % intervals.\n" in after


def test_rendering_twice_changes_nothing(project):
    render(project)
    once = (project / "README.md").read_text()
    assert render(project, "--check").returncode == 0
    render(project)
    assert (project / "README.md").read_text() == once


def test_check_reports_drift_and_changes_nothing(project):
    render(project)
    edited = (project / "README.md").read_text().replace("412 ns", "41 ns")
    (project / "README.md").write_text(edited)
    finished = render(project, "--check")
    assert finished.returncode == 1
    assert "-| sync guard" in finished.stdout
    assert (project / "README.md").read_text() == edited


def test_the_newest_full_result_is_rendered(project):
    newer = result("imports")
    newer["machine"]["date"] = "2025-03-04T00:00:00+00:00"
    keep(project, "imports", newer, "2025-03-04")
    keep(project, "imports", result("imports", quick=True), "2025-05-06")
    render(project)
    assert "run.py imports`, 2025-03-04:" in (project / "README.md").read_text()


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda p: (p / "results" / "scrape-2025-01-02.json").unlink(), "python benchmarks/run.py scrape"),
        (lambda p: keep(p, "scrape", result("scrape", quick=True)), "no full result of 'scrape'"),
        (lambda p: keep(p, "scrape", result("scrape", answers_agree=False)), "'scrape' disagree"),
        (lambda p: (p / "results" / "scrape-2025-03-04.json").write_text("{"), "scrape-2025-03-04.json is not JSON"),
        (lambda p: (p / "README.md").write_text("# no tables\n"), "<!-- begin:overhead -->"),
        (lambda p: (p / "README.md").write_text("<!-- end:overhead --><!-- begin:overhead -->"), "one"),
        (lambda p: (p / "README.md").unlink(), "README.md"),
        (lambda p: (p / "kernels" / "DESIGN.md").write_text(""), "DESIGN.md"),
    ],
    ids=[
        "no result",
        "quick result only",
        "answers disagree",
        "damaged result",
        "no marker",
        "markers swapped",
        "no README",
        "no marker in another document",
    ],
)
@pytest.mark.parametrize("arguments", [(), ("--check",)], ids=["render", "check"])
def test_what_cannot_be_rendered_says_why_and_changes_nothing(project, spoil, complaint, arguments):
    spoil(project)
    readme = project / "README.md"
    before = readme.read_text() if readme.exists() else None
    finished = render(project, *arguments)
    assert finished.returncode == 2
    assert complaint in finished.stderr
    assert "Traceback" not in finished.stderr
    assert (readme.read_text() if readme.exists() else None) == before
