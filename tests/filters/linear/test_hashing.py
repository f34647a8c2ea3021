"""MurmurHash3 against scikit-learn's, in the reference and compiled; and the flags of code points."""

import re
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils import murmurhash3_32

from aligntax_kernels.linear import characters, hashing, reference


def compiled_hash(data):
    buffer = np.frombuffer(data + b"\xff" * 8, np.uint8)
    return int(np.uint32(hashing.hash_of(buffer.ctypes.data, len(data))).astype(np.int32))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40))
def test_the_hash_is_murmurhash3(data):
    expected = murmurhash3_32(data)
    assert reference.murmur3(data) == expected
    assert compiled_hash(data) == expected


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\0\0", b"\xff" * 5, b"abcd" * 1000, bytes(range(256))])
def test_hard_lengths_and_bytes(data):
    assert reference.murmur3(data) == compiled_hash(data) == murmurhash3_32(data)


@pytest.mark.parametrize(("word", "expected"), [(b"qwrczcnegois", -(2**31)), (b"cbzdtadglslf", 0)])
def test_the_hash_without_an_absolute_value_and_the_one_without_a_sign(word, expected):
    assert murmurhash3_32(word) == expected
    assert reference.murmur3(word) == compiled_hash(word) == expected


def test_every_code_point_is_what_re_and_str_say():
    flags = characters.kinds()
    word, space = re.compile(r"\w"), re.compile(r"\s")
    points = range(sys.maxunicode + 1)
    assert [bool(word.match(chr(point))) for point in points] == ((flags & characters.WORD) > 0).tolist()
    assert [bool(space.match(chr(point))) for point in points] == ((flags & characters.SPACE) > 0).tolist()
    assert [chr(point).isspace() for point in points] == ((flags & characters.SPACE) > 0).tolist()
