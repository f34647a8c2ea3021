"""What guards that look for something in a text say of it: verdict, text, hits and labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aligntax import Verdict
from aligntax.guards import PII, Blocklist, Judgement, Secrets
from aligntax_kernels.fold import Folding
from aligntax_kernels.pii import Mask, Pseudonyms

ALLOW, MODIFY, BLOCK = Verdict.ALLOW, Verdict.MODIFY, Verdict.BLOCK
EMAIL = "write to jo@example.com today"

CASES = {
    "pii, nothing": (lambda: PII(), "version 1.2.3", (ALLOW, "version 1.2.3", 0, ())),
    "pii, empty": (lambda: PII(), "", (ALLOW, "", 0, ())),
    "pii, a hit": (lambda: PII(), EMAIL, (MODIFY, "write to [email] today", 1, ("email",))),
    "pii, two types": (
        lambda: PII(),
        "jo@example.com, 4111 1111 1111 1111, al@example.com",
        (MODIFY, "[email], [card], [email]", 3, ("email", "card")),
    ),
    "pii, beyond ASCII": (lambda: PII(), "Größe 😀 jo@example.com é", (MODIFY, "Größe 😀 [email] é", 1, ("email",))),
    "pii, a lone surrogate": (lambda: PII(), "\ud800 jo@example.com", (MODIFY, "\ud800 [email]", 1, ("email",))),
    "pii, other types only": (lambda: PII(["phone", "card"]), EMAIL, (ALLOW, EMAIL, 0, ())),
    "pii, a fixed replacement": (
        lambda: PII(replacement="***"),
        EMAIL,
        (MODIFY, "write to *** today", 1, ("email",)),
    ),
    "pii, masked": (
        lambda: PII(replacement=Mask(4)),
        "4111 1111 1111 1111",
        (MODIFY, "**** **** **** 1111", 1, ("card",)),
    ),
    "pii, a function": (
        lambda: PII(replacement=lambda kind, value: f"<{kind} of {len(value)}>"),
        EMAIL,
        (MODIFY, "write to <email of 14> today", 1, ("email",)),
    ),
    "pii, blocked": (lambda: PII(on_hit="block"), EMAIL, (BLOCK, "", 1, ("email",))),
    "pii, a low bar": (lambda: PII(minimum=0.3), "2025550143", (MODIFY, "[phone]", 1, ("phone",))),
    "pii, a high bar": (lambda: PII(minimum=1), EMAIL, (ALLOW, EMAIL, 0, ())),
    "blocklist, nothing": (lambda: Blocklist(["foo", "bar baz"]), "fo o bar", (ALLOW, "fo o bar", 0, ())),
    "blocklist, blocked in any case": (lambda: Blocklist(["foo"]), "a FOO and xfoox", (BLOCK, "", 2, ())),
    "blocklist, whole words": (lambda: Blocklist(["foo"], whole_words=True), "xfoox", (ALLOW, "xfoox", 0, ())),
    "blocklist, one case": (lambda: Blocklist(["foo"], caseless=False), "FOO", (ALLOW, "FOO", 0, ())),
    "blocklist, redacted": (
        lambda: Blocklist(["foo", "foo bar"], on_hit="redact"),
        "é foo bar, foo",
        (MODIFY, "é [removed], [removed]", 2, ()),
    ),
    "blocklist, replaced": (
        lambda: Blocklist(["foo"], on_hit="redact", replacement=""),
        "a foo b",
        (MODIFY, "a  b", 1, ()),
    ),
    "blocklist, look-alikes as they are": (lambda: Blocklist(["attack"]), "аttаck", (ALLOW, "аttаck", 0, ())),
    "blocklist, look-alikes folded": (lambda: Blocklist(["attack"], fold=True), "an аttа\u200bck", (BLOCK, "", 1, ())),
    "blocklist, digits for letters": (
        lambda: Blocklist(["attack"], fold={"leet": True}, on_hit="redact"),
        "an 4tt4ck!",
        (MODIFY, "an [removed]!", 1, ()),
    ),
    "blocklist, a folding": (lambda: Blocklist(["attack"], fold=Folding(leet=True)), "4ttack", (BLOCK, "", 1, ())),
}


@pytest.mark.parametrize("case", CASES)
def test_a_text_is_judged(case: str) -> None:
    make, text, expected = CASES[case]
    said = make()(text)
    assert said[:4] == expected
    assert said.score is None


def test_a_text_without_a_hit_is_the_very_text_that_came() -> None:
    text = "nothing to see"
    assert all(guard(text).text is text for guard in (PII(), Secrets(), Blocklist(["foo"])))


def test_secrets_are_taken_out_or_blocked(github_token: str) -> None:
    text = f"use {github_token} for it"
    assert Secrets()(text) == (MODIFY, "use [github_token] for it", 1, ("github_token",), None, 0)
    assert Secrets(on_hit="block")(text) == (BLOCK, "", 1, ("github_token",), None, 0)
    assert Secrets(["jwt"])(text) == (ALLOW, text, 0, (), None, 0)
    assert Secrets(replacement="-")(text).text == "use - for it"


def test_pseudonyms_are_the_same_for_the_same_value() -> None:
    guard = PII(replacement=Pseudonyms(b"a key of sixteen"))
    first, second, third = (guard(text).text for text in ("jo@example.com", "JO@example.com", "al@example.com"))
    assert first == second != third
    assert first.startswith("[email:")


def test_patterns_come_from_a_file_too(write: Callable[[str, str], Path]) -> None:
    path = write("words.txt", "# bad\nfoo\n\nbar baz \n")
    guard = Blocklist(["qux"], file=path)
    assert [guard(text).verdict for text in ("foo", "bar baz", "qux", "bad")] == [BLOCK, BLOCK, BLOCK, ALLOW]


@pytest.mark.parametrize("text", [None, b"foo", 3, ["foo"]])
def test_only_texts_are_judged(text: Any) -> None:
    for guard in (PII(on_error="open"), Blocklist(["foo"], on_error="open"), Secrets(on_error="open")):
        with pytest.raises(TypeError, match=f"text: got a {type(text).__name__}; pass a str"):
            guard(text)


def test_a_judgement_shows_no_text_where_it_is_printed() -> None:
    said = PII()(EMAIL)
    assert "write" not in repr(said)
    assert "write" not in f"{said!r} {[said]}"
    assert repr(Judgement(ALLOW, "secret")) == (
        "Judgement(verdict='allow', text=<6 characters>, hits=0, labels=(), score=None)"
    )


BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "stage": (lambda: PII(stage="imput"), ValueError, r"stage='imput' is unknown here; use 'input' or 'parallel'"),  # type: ignore[arg-type]
    "decode": (lambda: PII(stage="decode"), ValueError, r"stage='decode'"),
    "on_hit": (lambda: PII(on_hit="drop"), ValueError, r"on_hit='drop' is unknown here; use 'redact' or 'block'"),  # type: ignore[arg-type]
    "on_error": (lambda: Secrets(on_error="ajar"), ValueError, r"on_error='ajar'.*'closed' or 'open'"),  # type: ignore[arg-type]
    "name": (lambda: PII(name=""), ValueError, r"layer name ''"),
    "beside the model": (lambda: PII(stage="parallel"), ValueError, r"stage='parallel' is beside the model"),
    "types": (lambda: PII(["fax"]), ValueError, r"types: 'fax' is unknown"),  # type: ignore[list-item]
    "no types": (lambda: PII([]), ValueError, r"types: there is none, so that nothing would be found"),
    "no types of secrets": (lambda: Secrets(()), ValueError, r"types: there is none"),
    "one type": (lambda: PII("email"), TypeError, r"types: got one str; pass a list"),  # type: ignore[arg-type]
    "a number of types": (lambda: Secrets(3), TypeError, r"types: got one int; pass a list"),  # type: ignore[arg-type]
    "minimum": (lambda: PII(minimum=2), ValueError, r"minimum=2"),
    "minimum, a text": (lambda: PII(minimum="high"), TypeError, r"minimum: got 'high'; pass a number"),  # type: ignore[arg-type]
    "replacement": (lambda: PII(replacement=3), TypeError, r"replacement: got a int"),  # type: ignore[arg-type]
    "secret types": (lambda: Secrets(["key"]), ValueError, r"types: 'key' is unknown"),
    "no pattern": (lambda: Blocklist([]), ValueError, r"patterns: there is none"),
    "an empty pattern": (lambda: Blocklist(["a", ""]), ValueError, r"patterns\[1\] is empty"),
    "one pattern": (lambda: Blocklist("abc"), TypeError, r"patterns: got one str; pass a list"),
    "a number of patterns": (lambda: Blocklist(3), TypeError, r"patterns: got one int; pass a list"),  # type: ignore[arg-type]
    "bytes for patterns": (
        lambda: Blocklist(["a", b"b"], on_error="open"),  # type: ignore[list-item]
        TypeError,
        r"patterns\[1\]: got a bytes; pass a str",
    ),
    "bytes to replace by": (lambda: Blocklist(["a"], replacement=b"x"), TypeError, r"replacement: got a bytes"),  # type: ignore[arg-type]
    "no file": (lambda: Blocklist(file="/gone/words.txt"), OSError, r"words\.txt"),
    "fold": (lambda: Blocklist(["a"], fold="all"), TypeError, r"fold: got a str"),  # type: ignore[arg-type]
    "a step": (lambda: Blocklist(["a"], fold={"case": True}), ValueError, r"fold: the step 'case' is unknown"),
    "a step that is a text": (lambda: Blocklist(["a"], fold={"leet": "no"}), TypeError, r"leet: got 'no'"),  # type: ignore[dict-item]
}


@pytest.mark.parametrize("case", BAD)
def test_what_a_guard_cannot_have_is_refused_with_the_mend(case: str) -> None:
    make, kind, message = BAD[case]
    with pytest.raises(kind, match=message):
        make()
