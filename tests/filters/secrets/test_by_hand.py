"""What is a secret and what is not, decided by hand, for both backends and both kinds of text."""

import pytest

from aligntax_kernels import secrets

from .made_up import FOUND, NOT_FOUND

BACKENDS = ("reference", "cpu", "auto")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", FOUND, ids=str)
def test_found(case, backend):
    (hit,) = secrets.find(case.text, backend=backend)
    assert (hit.type, case.text[hit.start : hit.end]) == (case.type, case.secret)
    assert hit.start == len(case.before)
    assert 0 < hit.confidence <= 1


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("text", NOT_FOUND.values(), ids=NOT_FOUND.keys())
def test_not_found(text, backend):
    assert secrets.find(text, backend=backend) == []


@pytest.mark.parametrize("case", FOUND, ids=str)
def test_bytes_and_str_differ_in_offsets_only(case):
    text = "é€😀" + case.text
    (hit,) = secrets.find(text.encode())
    (hit_in_str,) = secrets.find(text)
    assert text.encode()[hit.start : hit.end].decode() == text[hit_in_str.start : hit_in_str.end] == case.secret
    assert hit[2:] == hit_in_str[2:]


def test_every_type_is_among_the_cases():
    assert {case.type for case in FOUND} == set(secrets.TYPES)


@pytest.mark.parametrize("case", FOUND, ids=str)
def test_types_choose(case):
    others = [name for name in secrets.TYPES if name != case.type]
    assert [hit.type for hit in secrets.find(case.text, [case.type])] == [case.type]
    assert case.type not in {hit.type for hit in secrets.find(case.text, others)}
    assert secrets.find(case.text, []) == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_all_at_once(backend):
    text = "\n\n".join(case.text for case in FOUND if case.after)
    found = [(hit.type, text[hit.start : hit.end]) for hit in secrets.find(text, backend=backend)]
    assert found == [(case.type, case.secret) for case in FOUND if case.after]


@pytest.mark.parametrize("backend", BACKENDS)
def test_of_several_rules_the_one_that_says_more_names_a_secret(backend):
    specific = ("openai_key", "anthropic_key", "github_token", "npm_token", "jwt", "telegram_token", "stripe_key")
    for case in FOUND:
        if case.type in specific:
            for name in ("export API_TOKEN=", "export MY_API_TOKEN = "):
                (hit,) = secrets.find(name + case.secret, [case.type, "assignment"], backend=backend)
                assert hit.type == case.type


@pytest.mark.parametrize("backend", BACKENDS)
def test_invalid_utf8_around_a_secret(backend):
    secret = FOUND[0].secret.encode()
    for before, after in ((b"\xff\xfe", b"\xc0\x80"), (b"\x80", b"\xed\xa0\x80"), (b"\0", b"\0"), (b"", b"")):
        if before[-1:] >= b"\xc0":
            assert secrets.find(before + secret + after, backend=backend) == []
        else:
            (hit,) = secrets.find(before + secret + after, backend=backend)
            assert (hit.start, hit.end) == (len(before), len(before) + len(secret))


def test_lone_surrogates_around_a_secret():
    text = "\ud800" + FOUND[0].secret + "\udfff"
    assert secrets.redact(text) == f"\ud800[{FOUND[0].type}]\udfff"
