"""A method that something long-lived calls does not keep its object alive."""

from __future__ import annotations

import weakref

from aligntax.weak_call import weakly


class Counter:
    def __init__(self) -> None:
        self.calls = 0

    def count(self) -> None:
        self.calls += 1


def test_a_method_is_called_as_long_as_its_object_lives() -> None:
    counter = Counter()
    call = weakly(counter.count)
    call()
    call()
    assert counter.calls == 2
    reference = weakref.ref(counter)
    del counter
    assert reference() is None
    call()
