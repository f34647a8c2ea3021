"""Guards from tables and files, and everything that can be wrong with those."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aligntax import Verdict
from aligntax.guards import Blocklist, EntropyGate, FunctionGuard, TokenBan, from_file, from_table
from aligntax.guards.catalogue import BUILT_IN
from aligntax_kernels import linear

Write = Callable[[str, str | bytes], Path]

GUARDS_TOML = """
upstream = "http://localhost:8000"

[[guards]]
use = "pii"
stage = "stream"
on_hit = "redact"
on_error = "closed"

[[guards]]
use = "blocklist"
stage = "input"
patterns = ["forbiddenword"]
file = "words.txt"
on_hit = "block"
"""

MODULE = """
from aligntax import Verdict

def shout(text):
    return text.upper()

def tokenize(text):
    import numpy as np
    return {"length": np.array([[len(text)]], np.float32)}

class House:
    def __init__(self, name="house", stage="output", rule="none"):
        self.name, self.stage, self.rule = name, stage, rule

    def __call__(self, text):
        return Verdict.ALLOW

class Nameless:
    def __call__(self, text):
        return text

def piecewise(text):
    yield text

async def later(text):
    return text

spelled = [b"a", b"b"]
number = 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module of the user's, by its name."""
    (tmp_path / "my_guards.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield "my_guards"
    sys.modules.pop("my_guards", None)


def test_a_file_lists_guards_in_order_and_may_hold_more(write: Write) -> None:
    write("words.txt", "# more\nsecond word\n")
    first, second = from_file(write("guards.toml", GUARDS_TOML))
    assert (first.name, first.stage, first.on_hit, first.on_error) == ("pii", "stream", "redact", "closed")
    assert first("jo@example.com").text == "[email]"
    assert (second.name, second.stage, second.on_hit) == ("blocklist", "input", "block")
    assert [second(text).verdict for text in ("a Forbiddenword", "second word")] == [Verdict.BLOCK, Verdict.BLOCK]


def test_json_says_the_same_as_toml(write: Write) -> None:
    tables = [{"use": "pii", "types": ["email"], "name": "addresses"}, {"use": "blocklist", "patterns": ["a"]}]
    first, second = from_file(write("guards.json", json.dumps({"guards": tables})))
    assert (first.name, second.name) == ("addresses", "blocklist")
    assert first("4111 1111 1111 1111").verdict is Verdict.ALLOW


def test_the_key_of_every_built_in_guard_is_an_argument_of_it() -> None:
    only_in_python = {"token_ban": {"bitmask"}}
    for name, built_in in BUILT_IN.items():
        parameters = inspect.signature(built_in.load()).parameters
        assert set(built_in.keys) | only_in_python.get(name, set()) == set(parameters), name
        assert set(built_in.required) == {
            key for key, parameter in parameters.items() if parameter.default is parameter.empty
        }, name


def test_every_built_in_guard_comes_from_a_table(
    tmp_path: Path, module: str, pipeline: Any, make_graph: Callable[..., bytes]
) -> None:
    linear.load(pipeline).save(tmp_path / "kind.npz")
    (tmp_path / "length.onnx").write_bytes(make_graph(-20.0))
    tables: dict[str, dict[str, Any]] = {
        "blocklist": {"patterns": ["attack"], "fold": {"leet": True}, "whole_words": False, "caseless": True},
        "entropy_gate": {"above": 2, "on_error": "open"},
        "linear_classifier": {"model": "kind.npz", "threshold": 0.75, "label": 1},
        "onnx_classifier": {"model": "length.onnx", "tokenizer": f"{module}:tokenize", "stage": "output"},
        "pii": {"types": ["email"], "minimum": 0.4, "replacement": {"mask": 2}, "on_hit": "redact"},
        "secrets": {"types": ["jwt"], "replacement": "-"},
        "token_ban": {"strings": ["ab"], "tokenizer": f"{module}:spelled"},
    }
    assert tables.keys() == BUILT_IN.keys()
    made = {use: from_table({"use": use, **table}, source=tmp_path / "guards.toml") for use, table in tables.items()}
    assert all(guard.name == use for use, guard in made.items())
    assert made["blocklist"]("an 4tt4ck").verdict is Verdict.BLOCK
    assert made["linear_classifier"]("you awful stupid fool").labels == ("1",)
    assert made["onnx_classifier"]("x" * 30).verdict is Verdict.BLOCK
    assert made["pii"]("jo@example.com").text == "**@*******.*om"
    assert isinstance(made["entropy_gate"], EntropyGate)
    assert isinstance(made["token_ban"], TokenBan)
    assert isinstance(from_table({"use": "token_ban", "sequences": [[1, 2]], "vocab_size": 4}), TokenBan)


@pytest.mark.parametrize("use", ["pii", "secrets"])
def test_the_key_of_pseudonyms_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, use: str, github_token: str
) -> None:
    table = {"use": use, "replacement": {"pseudonyms": "PSEUDONYM_KEY"}}
    monkeypatch.delenv("PSEUDONYM_KEY", raising=False)
    with pytest.raises(ValueError, match=r"the environment variable 'PSEUDONYM_KEY' is not set"):
        from_table(table)
    monkeypatch.setenv("PSEUDONYM_KEY", "a key of sixteen")
    text = f"jo@example.com {github_token}"
    first, second = from_table(table)(text).text, from_table(table)(text).text
    assert first == second
    assert first.count("[") == 1
    monkeypatch.setenv("PSEUDONYM_KEY", "another key, of more")
    assert from_table(table)(text).text != first


async def test_a_coroutine_function_is_a_guard(module: str) -> None:
    guard = from_table({"use": f"{module}:later", "stage": "parallel", "on_error": "open"})
    assert (guard.name, guard.stage, guard.on_error) == ("later", "parallel", "open")
    said = await guard("a text")
    assert (said.verdict, said.text) == (Verdict.ALLOW, "a text")
    with pytest.raises(ValueError, match="stage='stream' is unknown here"):
        from_table({"use": f"{module}:later", "stage": "stream"})


def test_a_function_is_a_guard(module: str) -> None:
    guard = from_table({"use": f"{module}:shout", "stage": "output", "on_error": "open"})
    assert isinstance(guard, FunctionGuard)
    assert (guard.name, guard.stage, guard.on_error) == ("shout", "output", "open")
    assert guard("a")[:2] == (Verdict.MODIFY, "A")
    assert from_table({"use": f"{module}:shout", "name": "loud"}).name == "loud"


def test_a_class_makes_a_guard_of_the_other_keys(module: str) -> None:
    guard = from_table({"use": f"{module}:House", "rule": "quiet", "stage": "input"})
    assert (guard.name, guard.stage, guard.rule) == ("house", "input", "quiet")
    assert from_table({"use": "aligntax.guards:Blocklist", "patterns": ["a"]})("a").verdict is Verdict.BLOCK


BAD_TABLES: dict[str, tuple[Any, str]] = {
    "no table": (["pii"], r"a guard is a table, and this is \['pii'\]"),
    "no use": ({"stage": "input"}, r"the key 'use' is missing; name a guard, 'blocklist', .* or 'package.module:call"),
    "unknown": ({"use": "regex"}, r"use='regex' is no guard; use 'blocklist', 'entropy_gate', "),
    "no name": ({"use": 3}, r"use=3 is no guard"),
    "unknown key": (
        {"use": "pii", "on_hits": "block"},
        r"guard 'pii': the key 'on_hits' \('block'\) is unknown; use any of 'name', 'stage', 'on_error', 'on_hit', 'ty",
    ),
    "missing key": ({"use": "onnx_classifier", "model": "a.onnx"}, r"the key 'tokenizer' is missing; it must be a str"),
    "no patterns": ({"use": "blocklist"}, r"guard 'blocklist': patterns: there is none"),
    "no file": (
        {"use": "blocklist", "file": "gone.txt"},
        r"guard 'blocklist': .*gone\.txt: cannot be read \(No such file or directory\); name a file that exists",
    ),
    "stage": ({"use": "pii", "stage": "imput"}, r"guard 'pii': stage='imput' is unknown here; use 'input' or"),
    "on_hit": ({"use": "entropy_gate", "above": 1.0, "on_hit": "redact"}, r"on_hit='redact'.*use 'block'"),
    "a text for a truth": (
        {"use": "blocklist", "patterns": ["a"], "caseless": "no"},
        r"caseless='no' is of the wrong k",
    ),
    "one text": (
        {"use": "blocklist", "patterns": "abc"},
        r"patterns='abc' is of the wrong kind; it must be a list of st",
    ),
    "mixed": ({"use": "blocklist", "patterns": ["a", 3]}, r"patterns=\['a', 3\]"),
    "long": ({"use": "blocklist", "patterns": [3] * 1000}, r"patterns=\[3, 3, .*\.\.\. is of the wrong kind"),
    "a truth for a number": (
        {"use": "pii", "minimum": True},
        r"minimum=True is of the wrong kind; it must be a number",
    ),
    "number": (
        {"use": "linear_classifier", "model": 3},
        r"model=3 is of the wrong kind; it must be the path of a file",
    ),
    "no graph": (
        {"use": "onnx_classifier", "model": "my_guards.py", "tokenizer": "my_guards:tokenize"},
        r"model: ONNX Runtime cannot load .*my_guards\.py \(.*\); pass an ONNX file",
    ),
    "range": ({"use": "pii", "minimum": 7}, r"minimum=7 is no probability"),
    "step": ({"use": "blocklist", "patterns": ["a"], "fold": {"lett": True}}, r"fold: the step 'lett' is unknown"),
    "no step": (
        {"use": "blocklist", "patterns": ["a"], "fold": {"leet": 1}},
        r"fold=\{'leet': 1\} is of the wrong kind",
    ),
    "tokens": ({"use": "token_ban", "sequences": [1], "vocab_size": 4}, r"sequences=\[1\] is of the wrong kind"),
    "mask": ({"use": "secrets", "replacement": {"mask": 4}}, r"replacement=\{'mask': 4\} is of the wrong kind"),
    "no reference": ({"use": "my_guards:"}, r"'my_guards:' names no object; write it as 'package.module:name'"),
    "a relative module": ({"use": ".my_guards:check"}, r"'\.my_guards:check' names no object; write it as 'package"),
    "no module": ({"use": "gone_guards:check"}, r"'gone_guards:check': there is no module 'gone_guards'"),
    "no submodule": ({"use": "my_guards.more:check"}, r"there is no module 'my_guards.more'"),
    "no such name": ({"use": "my_guards:check"}, r"'my_guards:check': my_guards has no 'check'"),
    "not to be called": ({"use": "my_guards:number"}, r"it is a int, which cannot be called"),
    "a generator": ({"use": "my_guards:piecewise"}, r"<function piecewise at .*> is no plain function; pass"),
    "a function with keys": (
        {"use": "my_guards:shout", "loud": 1},
        r"the key 'loud' \(1\) is unknown; use any of 'name'",
    ),
    "a function on streams": ({"use": "my_guards:shout", "stage": "stream"}, r"stage='stream' is unknown here"),
    "a class without the key": ({"use": "my_guards:House", "door": 1}, r"unexpected keyword argument 'door'"),
    "no guard": ({"use": "my_guards:Nameless"}, r"what it makes is no guard; give it the attributes name and stage"),
}


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_bad_table_is_refused_with_file_key_value_and_mend(case: str) -> None:
    table, message = BAD_TABLES[case]
    with pytest.raises(ValueError, match=message):
        from_table(table)
    with pytest.raises(ValueError, match=r"^conf/guards\.toml: ") as caught:
        from_table(table, source="conf/guards.toml")
    assert str(caught.value).count("conf/guards.toml: ") == 1


WITHOUT_GUARDS = {"empty.toml": "", "one.toml": '[guards]\nuse = "pii"', "typo.toml": '[[guard]]\nuse = "pii"'}
WITHOUT_GUARDS |= {"none.json": '{"guards": []}', "list.json": '[{"use": "pii"}]'}


@pytest.mark.parametrize("name", WITHOUT_GUARDS)
def test_a_file_that_lists_no_guards_is_refused_with_how_to_list_them(write: Write, name: str) -> None:
    mend = '{"guards": [{"use": ...}]}' if name.endswith(".json") else "[[guards]] before each"
    with pytest.raises(ValueError, match=re.escape(f"{name}: no list of guards in it; write {mend}")):
        from_file(write(name, WITHOUT_GUARDS[name]))


BAD_FILES = {
    "broken.toml": (b"[[guards]\n", r"broken\.toml: no TOML \(.*line 1.*\); mend it there"),
    "broken.json": (b'{"guards": [', r"broken\.json: no JSON \(.*line 1"),
    "deep.json": (b"[" * 100_000, r"deep\.json: no JSON \(.+\); mend it there"),
    "latin.toml": (b'[[guards]]\nuse = "caf\xe9"', r"latin\.toml: no TOML \(.*0xe9"),
    "second.toml": (
        b'[[guards]]\nuse = "pii"\n[[guards]]\nuse = "pii"\nname = "b"\nkind = 1',
        r"second\.toml: guard 'pii': the key 'kind' \(1\) is unknown; .* \(guard 2 of 2\)",
    ),
    "twice.toml": (
        b'[[guards]]\nuse = "pii"\n[[guards]]\nuse = "pii"',
        r"twice\.toml: guards 1 and 2 are both called 'pii'; give one another name",
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_with_its_name_and_the_mend(write: Write, name: str) -> None:
    content, message = BAD_FILES[name]
    with pytest.raises(ValueError, match=message):
        from_file(write(name, content))


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone\.toml: cannot be read \(No such file or directory\); name a file"):
        from_file(tmp_path / "gone.toml")
    with pytest.raises(ValueError, match=r"cannot be read \(Is a directory\)"):
        from_file(tmp_path)


def test_an_error_without_a_file_is_told_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "remote_guards.py").write_text("class Vault:\n def __init__(self): raise OSError('no vault today')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=r"^guard 'remote_guards:Vault': no vault today$"):
        from_table({"use": "remote_guards:Vault"})


def test_too_large_a_file_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aligntax.guards.configuration.MAX_FILE_BYTES", 8)
    with pytest.raises(ValueError, match=r"guards\.toml: more than 0 MiB; put long lists into files of their own"):
        from_file(write("guards.toml", GUARDS_TOML))


def test_a_byte_order_mark_is_no_content(write: Write) -> None:
    (guard,) = from_file(write("guards.toml", '\ufeff[[guards]]\nuse = "blocklist"\npatterns = ["a"]'))
    assert isinstance(guard, Blocklist)


def test_what_a_module_lacks_is_told_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needy_guards.py").write_text("import a_package_that_is_not_installed")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_package_that_is_not_installed"):
        from_table({"use": "needy_guards:check"})


def test_a_guard_that_needs_an_extra_names_it(
    tmp_path: Path, module: str, make_graph: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "length.onnx").write_bytes(make_graph(0.0))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    table = {"use": "onnx_classifier", "model": "length.onnx", "tokenizer": f"{module}:tokenize"}
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'aligntax\[onnx\]'"):
        from_table(table, source=tmp_path / "guards.toml")
