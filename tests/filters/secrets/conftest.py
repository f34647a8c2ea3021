import pytest

from aligntax_kernels import secrets


@pytest.fixture(scope="session", autouse=True)
def _compiled():
    secrets.warm()
