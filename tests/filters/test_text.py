"""aligntax_kernels.text and pseudonyms: what all kernels have in common."""

import pytest

from aligntax_kernels.pseudonyms import keyed_name, require_key
from aligntax_kernels.text import code_points, decoded, encoded, replaced


@pytest.mark.parametrize("text", ["", "abc", "\x00é日😀", "\ud83d", "é\udcff\ud83d\ude00"])
def test_every_str_is_encoded_and_comes_back(text):
    assert encoded(text) == text.encode("utf-8", "surrogatepass")
    assert decoded(encoded(text)) == text


def test_bytes_stay_as_they_are():
    data = b"\xff\xed\xa0"
    assert encoded(data) is data


@pytest.mark.parametrize("value", [5, None, bytearray(b"abc"), ["abc"]])
def test_anything_else_is_refused(value):
    with pytest.raises(TypeError, match=f"chunk: got a {type(value).__name__}; pass str or bytes"):
        encoded(value, "chunk")


def test_offsets_are_counted_in_code_points():
    data = encoded("aé日😀\ud83d")
    assert code_points(data, [13, 0, 1, 3, 6, 10, 1]) == {0: 0, 1: 1, 3: 2, 6: 3, 10: 4, 13: 5}


def test_spans_are_replaced():
    assert replaced("abcdef", [(0, 1, "X"), (1, 3, ""), (6, 6, "!")]) == "Xdef!"
    assert replaced(b"abc", []) == b"abc"


def test_a_name_is_the_beginning_of_the_keyed_digest():
    # printf 'email\0a@b.c' | openssl dgst -sha256 -hmac key
    assert keyed_name(b"key", 8, "email", "a@b.c") == "[email:f3918617]"


@pytest.mark.parametrize(
    ("key", "digits", "error", "message"),
    [
        ("key", 8, TypeError, "key: got a str; pass bytes"),
        (b"", 8, ValueError, "key: it is empty"),
        (b"key", 3, ValueError, "digits=3: a name has 4 to 64"),
        (b"key", 65, ValueError, "digits=65"),
        (b"key", "8", TypeError, "digits: got a str; pass an int from 4 to 64"),
        (b"key", 8.0, TypeError, "digits: got a float"),
    ],
)
def test_names_need_a_key_and_a_length(key, digits, error, message):
    with pytest.raises(error, match=message):
        require_key(key, digits)
