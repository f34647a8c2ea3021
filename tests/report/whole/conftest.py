"""Whole reports, joined from records on disk as the command does it."""

from __future__ import annotations

from typing import Any

import pytest

from aligntax.taxes.whole import join, read_inputs

from ...taxes.whole.records import everything


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Five releases with every kind of tax but cost."""
    return join(read_inputs([everything(tmp_path_factory.mktemp("whole") / "shop")]))
