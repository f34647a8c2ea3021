"""What every test of the token filters begins with."""

import pytest

from aligntax_kernels import tokens


@pytest.fixture(scope="session", autouse=True)
def _compiled():
    tokens.warm()
