"""What the tests of the search for personal data share."""

from __future__ import annotations

import itertools

import pytest

from aligntax_kernels import pii


@pytest.fixture(scope="session", autouse=True)
def compiled():
    """Compile before any test is timed by Hypothesis or by a time-out."""
    pii.warm()


@pytest.fixture(params=["reference", "cpu"])
def backend(request):
    return request.param


@pytest.fixture(scope="session")
def found():
    """The type and the text of every hit; fails where offsets are out of order or overlap."""

    def find(text, types=None, **options):
        hits = pii.find(text, types, **options)
        assert all(one.end <= two.start for one, two in itertools.pairwise(hits))
        assert all(hit.start < hit.end and 0 < hit.confidence <= 1 for hit in hits)
        return [(hit.type, text[hit.start : hit.end]) for hit in hits]

    return find
