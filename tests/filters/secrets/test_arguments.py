"""What is refused, what redaction puts in the place of a secret, and what importing the package brings along."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from aligntax_kernels import secrets

from .made_up import FOUND, drawn, pem

KEY = "npm_" + drawn("abcdefgh0123", 36)
OTHER = "npm_" + drawn("abcdefgh0123", 36, seed=1)


@pytest.mark.parametrize("call", [secrets.find, secrets.redact])
@pytest.mark.parametrize("text", [None, 1, ["a"], bytearray(b"a")])
def test_a_text_of_another_kind(call, text):
    with pytest.raises(TypeError, match=r"text: got a .*; pass str or bytes"):
        call(text)


@pytest.mark.parametrize("call", [secrets.find, secrets.redact, lambda text, types: secrets.stream(types)])
def test_types(call):
    with pytest.raises(ValueError, match=r"types: 'jwtt' is unknown; use any of 'aws_access_key', "):
        call("a", ["jwt", "jwtt"])
    with pytest.raises(TypeError, match=r"types='jwt': a single string; pass a list, as in types=\['jwt'\]"):
        call("a", "jwt")
    with pytest.raises(TypeError, match="types: got a int; pass a list"):
        call("a", 3)
    with pytest.raises(ValueError, match=r"types: \['jwt'\] is unknown"):
        call("a", [["jwt"]])


@pytest.mark.parametrize("call", [secrets.find, secrets.redact, lambda text, **options: secrets.stream(**options)])
def test_backends(call):
    with pytest.raises(ValueError, match="backend 'gpu' is unknown"):
        call("a", backend="gpu")


def test_labels():
    assert secrets.redact(f"a {KEY} b") == "a [npm_token] b"
    assert secrets.redact(f"a {KEY} b".encode()) == b"a [npm_token] b"
    assert secrets.redact(f"é {KEY} 😀") == "é [npm_token] 😀"


def test_a_text_without_secrets_is_returned_itself():
    for text in ("nothing", b"nothing", ""):
        assert secrets.redact(text) is text


def test_a_fixed_string():
    assert secrets.redact(f"{KEY} {KEY}", replacement="█") == "█ █"
    assert secrets.redact(f"{KEY}".encode(), replacement="█") == "█".encode()
    assert secrets.redact(KEY, replacement="") == ""


def test_a_function():
    assert secrets.redact(f"<{KEY}>", replacement=lambda kind, secret: f"{kind} {len(secret)}") == "<npm_token 40>"
    with pytest.raises(TypeError, match=r"replacement: got a int; pass str or bytes"):
        secrets.redact(KEY, replacement=lambda kind, secret: 1)
    with pytest.raises(
        TypeError, match=r"replacement: got a int; pass a str, secrets\.Pseudonyms\(key\) or a function"
    ):
        secrets.redact("a", replacement=1)


def test_a_function_of_a_block_that_is_no_text():
    block = pem("PRIVATE" + " KEY").encode().replace(b"\n", b"\xff", 1)
    assert secrets.redact(block, replacement=lambda kind, secret: secret[-6:]) == b"Y-----"
    assert rb"\xff" in secrets.redact(block, replacement=lambda kind, secret: secret)


def test_pseudonyms():
    names = secrets.Pseudonyms(b"key")
    first, again, other = secrets.redact(f"{KEY} {KEY} {OTHER}", replacement=names).split()
    assert first == again != other
    assert first.startswith("[npm_token:")
    assert len(first) == len("[npm_token:]") + 12
    assert secrets.redact(KEY, replacement=secrets.Pseudonyms(b"another key")) != first
    assert secrets.redact(KEY, replacement=secrets.Pseudonyms(b"key", digits=64)).startswith(first[:-1])
    assert "key" not in repr(names).replace("key=", "").replace("digits", "")


def test_pseudonyms_refuse():
    with pytest.raises(TypeError, match="key: got a str; pass bytes"):
        secrets.Pseudonyms("key")
    with pytest.raises(ValueError, match="key: it is empty"):
        secrets.Pseudonyms(b"")
    for digits in (3, 65):
        with pytest.raises(ValueError, match=f"digits={digits}: a name has 4 to 64"):
            secrets.Pseudonyms(b"key", digits)


def test_no_error_quotes_the_text():
    for options in ({"types": ["x"]}, {"backend": "x"}, {"replacement": 1}):
        with pytest.raises((TypeError, ValueError)) as raised:
            secrets.redact(KEY, **options)
        assert KEY[:8] not in str(raised.value)


def test_redacting_hides_what_was_found():
    for case in FOUND:
        redacted = secrets.redact(case.text)
        assert redacted == f"{case.before}[{case.type}]{case.after}"
        assert case.secret not in redacted


def test_threads():
    texts = [case.text * 20 for case in FOUND] * 4
    expected = [secrets.find(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(secrets.find, texts)) == expected


def test_a_long_text_lets_other_threads_run_and_finds_the_same():
    text = " x " * 700_000
    with ThreadPoolExecutor(4) as pool:
        for hits in pool.map(secrets.find, [text + KEY + text] * 4):
            assert [(hit.start, hit.end) for hit in hits] == [(len(text), len(text) + len(KEY))]


@pytest.mark.parametrize("statement", ["import aligntax_kernels.secrets", "from aligntax_kernels import secrets"])
def test_importing_loads_no_numba_and_leaves_the_standard_library_alone(statement):
    program = (
        f"{statement}\nimport sys\nimport secrets as standard\n"
        "assert 'numba' not in sys.modules and 'aligntax_kernels.secrets.cpu' not in sys.modules\n"
        "assert len(standard.token_bytes(3)) == 3 and 'aligntax' not in standard.__file__\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
