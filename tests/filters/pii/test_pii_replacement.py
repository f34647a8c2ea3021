"""What stands in the place of hits: labels, fixed strings, masks, pseudonyms, functions; and bad arguments."""

import hashlib
import hmac
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntax_kernels import pii

TEXT = "Mail a@b.com or call +1 415 555 2671, card 4111-1111-1111-1111; 10.0.0.1"
KEY = b"0123456789abcdef"


@pytest.mark.parametrize(
    ("replacement", "expected"),
    [
        (None, "Mail [email] or call [phone], card [card]; [ip]"),
        ("█", "Mail █ or call █, card █; █"),
        ("", "Mail  or call , card ; "),
        (pii.Mask(), "Mail *@*.*** or call +* *** *** 2671, card ****-****-****-1111; **.*.*.*"),
        (pii.Mask(keep=0, character="x"), "Mail x@x.xxx or call +x xxx xxx xxxx, card xxxx-xxxx-xxxx-xxxx; xx.x.x.x"),
        (lambda kind, value: f"<{kind} {len(value)}>", "Mail <email 7> or call <phone 15>, card <card 19>; <ip 8>"),
    ],
)
def test_replacements(replacement, expected, backend):
    assert pii.redact(TEXT, replacement=replacement, backend=backend) == expected
    assert pii.redact(TEXT.encode(), replacement=replacement, backend=backend) == expected.encode()


def test_text_around_hits_stays_as_it_is(backend):
    assert pii.redact("\ud800é a@b.com 漢\0", backend=backend) == "\ud800é [email] 漢\0"
    assert pii.redact(b"\xff\xfe a@b.com \xc3", backend=backend) == b"\xff\xfe [email] \xc3"


def test_a_text_without_hits_comes_back_itself(backend):
    text = "nothing in here"
    assert pii.redact(text, backend=backend) is text


@given(st.text("ab@.com 0123456789-+()", max_size=60))
@settings(deadline=None)
def test_what_has_been_redacted_has_nothing_left(text):
    redacted = pii.redact(text, replacement="█")
    assert all("█" not in redacted[hit.start : hit.end] for hit in pii.find(redacted))
    assert pii.redact(text, types=[], replacement="█") == text


def test_a_mask_keeps_nothing_of_a_short_value():
    mask = pii.Mask(keep=4)
    assert mask("ip", "1.2.3.4") == "*.*.*.*"
    assert mask("card", "12345678") == "********"
    assert mask("card", "123456789") == "*****6789"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"keep": -1}, ValueError, "keep=-1"),
        ({"keep": 2.5}, TypeError, "keep: got a float; pass an int"),
        ({"character": "**"}, ValueError, "character="),
        ({"character": 0}, TypeError, "character: got a int; pass a str"),
    ],
)
def test_masks_refuse_what_they_cannot_do(options, error, message):
    with pytest.raises(error, match=message):
        pii.Mask(**options)


def test_a_pseudonym_is_the_keyed_digest_of_the_normalised_value():
    digest = hmac.new(KEY, b"email\0john@example.com", hashlib.sha256).hexdigest()
    assert pii.redact("John@Example.com", replacement=pii.Pseudonyms(KEY)) == f"[email:{digest[:12]}]"
    assert pii.redact("john@example.com", replacement=pii.Pseudonyms(KEY, digits=64)) == f"[email:{digest}]"


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("email", "John@Example.com", "john@example.COM"),
        ("phone", "+44 (0)20 7946 0958", "+442079460958"),
        ("phone", "+44 (020) 7946 0958", "+442079460958"),
        ("phone", "(030) 123456", "030 123456"),
        ("phone", "(415) 555-2671", "415.555.2671"),
        ("card", "4111 1111 1111 1111", "4111-1111-1111-1111"),
        ("ssn", "123-45-6789", "123 45 6789"),
        ("iban", "GB82 WEST 1234 5698 7654 32", "gb82WEST12345698765432"),
        ("ip", "2001:DB8:0:0::1", "2001:db8::1"),
        ("ip", "::FFFF:102:304", "::ffff:1.2.3.4"),
    ],
)
def test_a_value_has_one_pseudonym_however_it_is_written(kind, one, other):
    names = pii.Pseudonyms(KEY)
    assert names(kind, one) == names(kind, other)
    assert names(kind, one) != pii.Pseudonyms(KEY + b"x")(kind, one)
    assert names(kind, one) != names("another", one)


def test_an_address_with_dots_has_the_same_name_under_every_version_of_python():
    # Before 3.13, `str` of it has no dots.
    digest = hmac.new(KEY, b"ip\0::ffff:1.2.3.4", hashlib.sha256).hexdigest()
    assert pii.Pseudonyms(KEY, digits=64)("ip", "::ffff:102:304") == f"[ip:{digest}]"


def test_other_values_have_other_pseudonyms():
    names = pii.Pseudonyms(KEY)
    values = ["+14155552671", "+14155552672", "4155552671"]
    assert len({names("phone", value) for value in values}) == 3


def test_the_key_is_not_shown():
    assert "0123456789" not in repr(pii.Pseudonyms(KEY))


@pytest.mark.parametrize(
    ("key", "options", "error", "message"),
    [
        (b"", {}, ValueError, "key: it is empty"),
        ("key", {}, TypeError, "key: got a str"),
        (KEY, {"digits": 3}, ValueError, "digits=3"),
        (KEY, {"digits": 65}, ValueError, "digits=65"),
    ],
)
def test_pseudonyms_refuse_what_they_cannot_do(key, options, error, message):
    with pytest.raises(error, match=message):
        pii.Pseudonyms(key, **options)


@pytest.mark.parametrize("call", [pii.find, pii.redact])
@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((None,), {}, TypeError, "text: got a NoneType; pass str or bytes"),
        ((bytearray(b"x"),), {}, TypeError, "text: got a bytearray"),
        (("x", "email"), {}, TypeError, "types='email'.*pass a list"),
        (("x", 3), {}, TypeError, "types: got a int; pass a list"),
        (("x", ["mail"]), {}, ValueError, "types: 'mail' is unknown; use any of 'email'"),
        (("x", [["email"]]), {}, ValueError, r"types: \['email'\] is unknown"),
        (("x",), {"minimum": 1.5}, ValueError, "minimum=1.5"),
        (("x",), {"minimum": "0.5"}, TypeError, "minimum: got a str; pass a number"),
        (("x",), {"minimum": float("nan")}, ValueError, "minimum=nan"),
        (("x",), {"backend": "gpu"}, ValueError, "backend 'gpu'"),
    ],
)
def test_bad_arguments_are_named(call, arguments, options, error, message):
    with pytest.raises(error, match=message):
        call(*arguments, **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"types": ["mail"]}, ValueError, "'mail' is unknown"),
        ({"replacement": 3}, TypeError, "replacement: got a int"),
        ({"backend": "gpu"}, ValueError, "backend 'gpu'"),
        ({"minimum": -0.1}, ValueError, "minimum=-0.1"),
    ],
)
def test_a_stream_refuses_the_same_when_it_is_made(options, error, message):
    with pytest.raises(error, match=message):
        pii.stream(**options)


def test_a_replacement_that_is_no_text_is_refused():
    with pytest.raises(TypeError, match="replacement: got a int"):
        pii.redact(TEXT, replacement=3)
    with pytest.raises(TypeError, match="replacement: got a NoneType; pass str"):
        pii.redact(TEXT, replacement=lambda kind, value: None)


def test_importing_and_the_reference_need_no_numba():
    code = (
        "import sys; from aligntax_kernels import pii; "
        "assert pii.find('a@b.com', backend='reference'); "
        "print(sorted({'numba', 'llvmlite', 'numpy', 'torch', 'aligntax'} & set(sys.modules)))"
    )
    finished = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout == "[]\n"


def test_warm_says_how_long_it_took():
    first, second = pii.warm(), pii.warm()
    assert first > second > 0 or first == pytest.approx(second, abs=0.1)
