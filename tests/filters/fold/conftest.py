"""Everything is compiled before the first test, whose time limit would otherwise include it."""

import pytest

from aligntax_kernels import fold


@pytest.fixture(scope="session", autouse=True)
def _compiled():
    fold.warm()
