"""Whether two answers are the same."""

from __future__ import annotations

import numpy as np
import pytest

from aligntax.experiment.outputs import same


class Opaque:
    pass


class Stubborn:
    def __eq__(self, other):
        raise RuntimeError("not comparable")

    __hash__ = None


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("a", b"a", False),
        (None, None, True),
        ([1, ["a"]], [1, ["a"]], True),
        ([1], [1, 2], False),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"b": 1}, False),
        (np.arange(3), np.arange(3), True),
        (np.arange(3), np.arange(4), False),
        ([np.zeros(2)], [np.ones(2)], False),
        (Opaque(), Opaque(), None),
        (Stubborn(), Stubborn(), None),
        ((1, Opaque()), (1, Opaque()), None),
        ((1, Opaque()), (2, Opaque()), False),
    ],
)
def test_same(one, other, answer):
    assert same(one, other) is answer
