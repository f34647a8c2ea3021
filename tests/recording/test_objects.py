"""Callable objects: timed when called, and otherwise the object itself."""

from __future__ import annotations

import copy
import functools
import pickle
import weakref
from collections.abc import Iterator

import pytest

from aligntax import Profiler
from aligntax.testing import FakeClock

from .reading import spans


class Tokenizer:
    """Cuts text into words."""

    sep = " "

    def __init__(self) -> None:
        self.vocabulary = {"a": 1}
        self.open = False

    def __call__(self, text: str) -> list[str]:
        return text.split(self.sep)

    def encode(self, text: str) -> list[int]:
        return [self.vocabulary.get(word, 0) for word in self(text)]

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __getitem__(self, word: str) -> int:
        return self.vocabulary[word]

    def __setitem__(self, word: str, number: int) -> None:
        self.vocabulary[word] = number

    def __contains__(self, word: str) -> bool:
        return word in self.vocabulary

    def __iter__(self) -> Iterator[str]:
        return iter(self.vocabulary)

    def __enter__(self) -> Tokenizer:
        self.open = True
        return self

    def __exit__(self, *_: object) -> None:
        self.open = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokenizer) and other.vocabulary == self.vocabulary

    def __hash__(self) -> int:
        return hash(self.sep)

    def __repr__(self) -> str:
        return "Tokenizer(a)"


class Bare:
    def __call__(self) -> int:
        return 1


@pytest.fixture
def tokenizer() -> Tokenizer:
    return Tokenizer()


@pytest.fixture
def timed(profiler: Profiler, tokenizer: Tokenizer) -> Tokenizer:
    return profiler.guard(tokenizer, name="tokenizer")


def test_attributes_are_read_set_and_deleted_on_the_object(tokenizer: Tokenizer, timed: Tokenizer) -> None:
    assert timed.vocabulary is tokenizer.vocabulary
    timed.sep = ","
    assert tokenizer.sep == ","
    del timed.sep
    assert "sep" not in vars(tokenizer)
    assert vars(timed) is vars(tokenizer)
    assert set(dir(tokenizer)) <= set(dir(timed))
    with pytest.raises(AttributeError, match="'Tokenizer' object has no attribute 'decode'"):
        timed.decode  # noqa: B018


def test_it_passes_for_the_object(tokenizer: Tokenizer, timed: Tokenizer) -> None:
    assert isinstance(timed, Tokenizer)
    assert timed.__class__ is Tokenizer
    assert timed == tokenizer
    assert tokenizer == timed
    assert timed == timed
    assert timed != Bare()
    assert hash(timed) == hash(tokenizer)
    assert (repr(timed), str(timed)) == ("Tokenizer(a)", "Tokenizer(a)")
    assert timed.__doc__ == "Cuts text into words."
    assert timed.__wrapped__ is tokenizer
    assert callable(timed)
    assert weakref.ref(timed)() is timed


def test_what_its_class_can_do_it_can_do(tokenizer: Tokenizer, timed: Tokenizer) -> None:
    assert len(timed) == 1
    assert timed["a"] == 1
    timed["b"] = 2
    assert tokenizer.vocabulary == {"a": 1, "b": 2}
    assert "b" in timed
    assert list(timed) == ["a", "b"]
    assert bool(timed)
    with timed as entered:
        assert entered is tokenizer
        assert tokenizer.open
    assert not tokenizer.open


def test_what_its_class_cannot_do_it_cannot_do(profiler: Profiler) -> None:
    bare = profiler.guard(Bare(), name="bare")
    with pytest.raises(TypeError, match="has no len"):
        len(bare)
    with pytest.raises(TypeError, match="not iterable"):
        iter(bare)
    assert not hasattr(bare, "__getitem__")
    assert bool(bare)


def test_copies_and_pickles_are_of_the_object(tokenizer: Tokenizer, timed: Tokenizer) -> None:
    for twin in (copy.copy(timed), copy.deepcopy(timed), pickle.loads(pickle.dumps(timed))):  # noqa: S301
        assert type(twin) is Tokenizer
        assert twin.vocabulary == tokenizer.vocabulary
    assert copy.deepcopy(timed).vocabulary is not tokenizer.vocabulary


def test_calls_are_timed_and_calls_from_inside_are_not(profiler: Profiler, timed: Tokenizer, clock: FakeClock) -> None:
    with profiler.request() as request:
        assert timed("a b") == ["a", "b"]
        clock.advance(1)
        assert timed.encode("a b") == [1, 0]
    assert [(name, start) for name, start, *_ in spans(request.trace)] == [("tokenizer", 0)]


def test_a_partial_stays_one(profiler: Profiler, tokenizer: Tokenizer) -> None:
    bound = functools.partial(tokenizer, "a b")
    timed = profiler.guard(bound, name="tokenizer")
    assert isinstance(timed, functools.partial)
    assert (timed.func, timed.args, timed.keywords) == (tokenizer, ("a b",), {})
    with profiler.request() as request:
        assert timed() == ["a", "b"]
    assert len(request.trace.spans) == 1
