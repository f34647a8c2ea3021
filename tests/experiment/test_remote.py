"""The experiment on servers that run: two URLs, and a proxy in front of an upstream, in processes of its own."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.experiment.load.chat_server import Behaviour, serving

from aligntax.experiment import paired, proxies
from aligntax.experiment.load import Arrivals, Plan
from aligntax.experiment.load.chat import Chat
from aligntax.experiment.paired import Design
from aligntax.experiment.proxies import guards_of
from aligntax.experiment.remote import NOT_COMPARED, bench_proxy, bench_urls

GUARD_SECONDS = 0.02
GUARDS = """
[[guards]]
use = "{module}:slow"
stage = "input"
thread = false

[[guards]]
use = "blocklist"
stage = "input"
patterns = ["secretword"]
on_hit = "block"
"""
PROMPTS = ["one", "two", "a secretword", "four"]
CHAT = partial(Chat, model="tiny")
SHORT = Design(max_pairs=8, width=1e-9, warm_up_rounds=0)


def quiet(stage: str, done: float, detail: str) -> bool:
    return True


def ending_at(stage: str, after: int = 0):
    """Return a progress that wants no more once a stage has been told of some more times."""
    told: list[str] = []

    def progress(now: str, done: float, detail: str) -> bool:
        told.append(now)
        return told.count(stage) <= after

    return progress


def left_behind() -> list[list[str]]:
    """Return the command lines of this process's proxies."""
    found = [each.cmdline() for each in psutil.Process().children(recursive=True)]
    return [line for line in found if "aligntax.experiment.proxies" in line]


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with serving(Behaviour(first_seconds=0.003, gap_seconds=0.001)) as url:
        yield url


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Guards of which one takes its time, where this process and those that it starts find it."""
    folder = tmp_path_factory.mktemp("guards")
    (folder / "slow_guard_of_tests.py").write_text(
        f"import time\n\n\ndef slow(text):\n    time.sleep({GUARD_SECONDS})\n    return text\n"
    )
    path = folder / "guards.toml"
    path.write_text(GUARDS.format(module="slow_guard_of_tests"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", str(folder))
        yield path


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of its own for temporary files, which is empty again after each test, and no proxy is left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []
    assert left_behind() == []


@pytest.fixture(scope="module")
def measured(config: Path, upstream: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What guards cost in a proxy, each of them alone, and left out, as well."""
    ledger = tmp_path_factory.mktemp("ledger")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALIGNTAX_LEDGER_DIR", str(ledger))
        result = bench_proxy(
            config,
            upstream,
            CHAT,
            prompts=PROMPTS,
            design=Design(max_pairs=16, width=1e-9),
            each=True,
            progress=quiet,
        )
    assert list(ledger.iterdir()) == []  # its proxies are no workers of one server
    return dict(result.data)


def test_a_proxy_is_measured_in_every_arm(measured):
    assert measured["target"]["kind"] == "proxy"
    assert measured["target"]["guards"] == ["slow", "blocklist"]
    names = ["raw", "guarded", "null", "only:slow", "only:blocklist", "without:slow", "without:blocklist", "hop"]
    assert [arm["name"] for arm in measured["arms"]] == names
    assert {len(values) for values in measured["samples"]["seconds"].values()} == {16}
    assert measured["design"]["stopped"] == "pairs"
    assert {name: times["n"] for name, times in measured["warm_up"].items()} == dict.fromkeys(names, len(PROMPTS))
    assert measured["warnings"] == [NOT_COMPARED]
    json.dumps(measured, allow_nan=False)


def test_what_a_guard_takes_in_a_proxy_is_in_the_tax_and_in_its_share(measured):
    # Sleeps are never shorter than asked for, and on a busy machine now and then much longer: so the medians.
    tax = measured["tax"]
    assert GUARD_SECONDS < tax["seconds"]["value"] < 2 * GUARD_SECONDS
    assert GUARD_SECONDS < tax["first_chunk_seconds"]["value"] < 2 * GUARD_SECONDS
    assert tax["distinguishable"] is True
    assert 0 < tax["hop_seconds"]["value"] < tax["seconds"]["value"]
    slow, blocklist = measured["guards"]
    assert slow["share_seconds"]["value"] > GUARD_SECONDS
    assert slow["alone_seconds"]["value"] > GUARD_SECONDS * 0.9
    assert slow["left_out_seconds"]["value"] > GUARD_SECONDS * 0.9
    assert blocklist["share_seconds"]["value"] < GUARD_SECONDS / 10
    # What a proxy takes without any guard is no guard's.
    assert blocklist["alone_seconds"]["value"] < tax["seconds"]["value"] - slow["alone_seconds"]["value"] + 0.005
    assert slow["calls"] == blocklist["calls"] == tax["n"] == 12
    assert measured["contention"]["replayed_seconds"]["value"] > GUARD_SECONDS


def test_blocked_requests_are_kept_apart_and_the_proxy_says_where_they_were_blocked(measured):
    assert measured["outcomes"]["raw"] == measured["outcomes"]["hop"] == {"allowed": 16}
    assert measured["outcomes"]["guarded"] == {"allowed": 12, "blocked_input": 4}
    # Of the other arms a client sees that something was refused, and no more.
    assert measured["outcomes"]["only:blocklist"] == {"allowed": 12, "blocked_output": 4}
    assert measured["outcomes"]["only:slow"] == {"allowed": 16}
    assert measured["guards"][1]["verdicts"] == {"allow": 12, "block": 4}
    assert measured["latency"]["guarded"]["n"] == 12


def test_the_traces_are_those_of_the_requests_that_were_measured(measured):
    assert len(measured["traces"]) == 16
    for index, trace in enumerate(measured["traces"]):
        blocked = PROMPTS[measured["samples"]["prompt"][index]] == "a secretword"
        assert trace["outcome"] == ("blocked_input" if blocked else "allowed")
        assert trace["duration_ns"] / 1e9 > GUARD_SECONDS
        assert trace["shares_ns"]["slow"] / 1e9 == pytest.approx(measured["samples"]["shares_seconds"]["slow"][index])


def test_two_urls_are_measured_with_no_knowledge_of_any_guard(upstream):
    with serving(Behaviour(first_seconds=0.003 + GUARD_SECONDS, gap_seconds=0.001)) as guarded:
        plan = Plan(Arrivals.parse("constant:40"), seconds=0.5, windows=2, warm_up_seconds=0.05)
        data = bench_urls(
            upstream, guarded, CHAT, prompts=["one", "forbidden", "three"], design=SHORT, plan=plan, progress=quiet
        ).data
    assert [arm["name"] for arm in data["arms"]] == ["raw", "guarded", "null"]
    assert data["target"] == {
        "kind": "urls",
        "name": f"{upstream}/v1/chat/completions {guarded}/v1/chat/completions",
        "guards": [],
        "always_on": [],
        "deterministic": None,
    }
    assert data["guards"] == data["traces"] == []
    assert data["warnings"] == [NOT_COMPARED]
    assert "hop_seconds" not in data["tax"]
    for part in ("seconds", "first_chunk_seconds"):
        assert GUARD_SECONDS * 0.8 < data["tax"][part]["value"] < 2 * GUARD_SECONDS
    assert data["outcomes"]["raw"]["blocked_output"] == data["outcomes"]["guarded"]["blocked_output"] >= 2
    assert data["tax"]["n"] == data["outcomes"]["raw"]["allowed"]
    assert set(data["load"]["arms"]) == {"raw", "guarded"}
    assert data["load"]["stopped"] == "done"


def test_a_proxy_whose_traces_do_not_come_is_measured_as_a_whole_with_a_warning(config, upstream, monkeypatch):
    monkeypatch.setattr(proxies, "_FOLD_SECONDS", -1.0)
    data = bench_proxy(config, upstream, CHAT, prompts=PROMPTS, design=SHORT, progress=quiet).data
    assert data["warnings"] == [NOT_COMPARED, "the proxy's traces are incomplete, so nothing is told of each guard"]
    assert data["guards"] == data["traces"] == data["target"]["guards"] == []
    assert data["tax"]["seconds"]["value"] > GUARD_SECONDS
    assert data["tax"]["hop_seconds"]["value"] > 0
    assert "shares_seconds" not in data["samples"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[[guards]]\nuse = 'nothing'\n", "guards.toml.*'nothing' is no guard"),
        ("[[guards]]\nuse = 'pii'\nsurprise = 1\n", "guards.toml.*surprise"),
        ("nonsense", "guards.toml"),
        ("", "guards.toml: lists no guards, so there is nothing to measure; add"),
    ],
)
def test_a_wrong_configuration_is_refused_before_anything_is_started(tmp_path, upstream, content, complaint):
    path = tmp_path / "guards.toml"
    path.write_text(content)
    stages: list[str] = []
    with pytest.raises(ValueError, match=complaint):
        bench_proxy(
            path, upstream, CHAT, prompts=PROMPTS, design=SHORT, progress=lambda stage, *_: bool(stages.append(stage))
        )
    assert stages == []


def test_a_url_that_is_none_is_refused_before_anything_is_started(config):
    stages: list[str] = []
    for url in ("http://127.0.0.1:99999", "unix:/run/model.sock", "http://name:word@127.0.0.1:1"):
        with pytest.raises(ValueError, match=r"URL|url"):
            bench_proxy(
                config, url, CHAT, prompts=PROMPTS, design=SHORT, progress=lambda stage, *_: bool(stages.append(stage))
            )
    assert stages == []


def test_a_proxy_that_does_not_start_says_why(config, upstream, monkeypatch):
    guards_of(config)  # here the module of its guard is found
    monkeypatch.delenv("PYTHONPATH")
    with pytest.raises(RuntimeError, match=r"the proxy did not start: it ended with code 1: .*no module 'slow_guard"):
        bench_proxy(config, upstream, CHAT, prompts=PROMPTS, design=SHORT, progress=quiet)


def test_a_proxy_that_takes_for_ever_to_start_is_given_up(config, upstream, monkeypatch):
    monkeypatch.setattr(proxies, "START_SECONDS", 0.01)
    with pytest.raises(RuntimeError, match=r"the proxy did not start: nothing came within 0\.01 s"):
        bench_proxy(config, upstream, CHAT, prompts=PROMPTS, design=SHORT, progress=quiet)


def test_servers_that_do_not_answer_are_named_with_what_went_wrong(upstream):
    nobody = "http://127.0.0.1:9"
    ask = partial(bench_urls, prompts=["one", "two", "three", "four"], design=SHORT, progress=quiet)
    with pytest.raises(
        ValueError, match=r"^raw: http://127\.0\.0\.1:9/v1/chat/completions does not answer \(no connec"
    ):
        ask(nobody, upstream, CHAT)
    with pytest.raises(
        ValueError, match=r"^guarded: http://127\.0\.0\.1:9/v1/chat/completions does not answer \(no co"
    ):
        ask(upstream, nobody, CHAT)
    with pytest.raises(ValueError, match=r"^raw: .* does not answer \(status 500\)"):
        ask(upstream, upstream, CHAT, prompts=["crash"])


def test_a_server_that_hangs_is_given_up_at_its_first_answer(upstream, monkeypatch):
    monkeypatch.setattr("aligntax.experiment.servers.PATIENCE_SECONDS", 0.3)
    with pytest.raises(ValueError, match=r"raw: .* does not answer \(no answer within 0 s\)"):
        bench_urls(upstream, upstream, CHAT, prompts=["hang", "one"], design=SHORT, progress=quiet)


def test_an_upstream_that_is_down_is_told_of_before_the_time_is_up(config):
    with pytest.raises(ValueError, match=r"^raw: http://127\.0\.0\.1:9/v1/chat/completions does not answer"):
        bench_proxy(config, "http://127.0.0.1:9", CHAT, prompts=PROMPTS, design=SHORT, progress=quiet)


def test_requests_that_fail_do_not_count_and_are_told_of(upstream):
    data = bench_urls(
        upstream, upstream, CHAT, prompts=["one", "crash", "busy", "four"], design=SHORT, progress=quiet
    ).data
    assert data["tax"]["n"] == 4
    assert data["outcomes"]["raw"] == {"allowed": 4, "error": 4}
    (_, of_raw, of_guarded, _) = data["warnings"]
    assert of_raw.startswith("4 of 8 requests to raw got no answer (")
    assert "500" in of_raw
    assert "429" in of_raw
    assert "to guarded" in of_guarded


def test_a_server_that_refuses_everything_leaves_nothing_to_compare(upstream):
    with pytest.raises(ValueError, match=r"none ran to its end .*blocked_output': 8.*a request that is blocked"):
        bench_urls(upstream, upstream, CHAT, prompts=["forbidden"], design=SHORT, progress=quiet)


@pytest.mark.parametrize("stage", ["asking each server", "warming up"])
def test_ending_it_before_there_is_anything_to_tell_is_an_interrupt(upstream, stage):
    design = Design(max_pairs=8, width=1e-9, warm_up_rounds=1)
    with pytest.raises(KeyboardInterrupt):
        bench_urls(upstream, upstream, CHAT, prompts=PROMPTS, design=design, progress=ending_at(stage))


@pytest.mark.parametrize(("stage", "after"), [("starting proxies", 2), ("warming up", 1)])
def test_ending_it_before_a_proxy_was_measured_is_an_interrupt(config, upstream, stage, after):
    design = Design(max_pairs=8, width=1e-9, warm_up_rounds=1)
    with pytest.raises(KeyboardInterrupt):
        bench_proxy(config, upstream, CHAT, prompts=PROMPTS, design=design, progress=ending_at(stage, after))


def test_no_more_traces_of_a_proxy_are_kept_than_of_a_pipeline(config, upstream, monkeypatch):
    monkeypatch.setattr(paired, "MAX_TRACES", 3)
    data = bench_proxy(config, upstream, CHAT, prompts=PROMPTS, design=SHORT, progress=quiet).data
    assert len(data["traces"]) == 3
    assert len(data["samples"]["shares_seconds"]["slow"]) == 8
    assert data["guards"][1]["verdicts"] == {"allow": 6, "block": 2}


def test_ending_it_in_the_middle_keeps_what_there_is(upstream):
    plan = Plan(Arrivals.parse("constant:40"), seconds=0.5, windows=2, warm_up_seconds=0.05)
    ask = partial(bench_urls, upstream, upstream, CHAT, prompts=PROMPTS, design=SHORT, plan=plan)
    data = ask(progress=ending_at("measuring", after=2)).data
    assert data["design"]["stopped"] == "interrupted"
    assert data["design"]["pairs"] == 3
    assert "load" not in data
    data = ask(progress=ending_at("load", after=1)).data
    assert data["design"]["stopped"] == "pairs"
    assert data["load"]["stopped"] == "interrupted"
