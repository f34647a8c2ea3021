"""What experiments do to their targets, seen from outside."""

from __future__ import annotations

from typing import Any

import pytest

from aligntax.experiment.call import Caller


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[Any]:
    """The prompts that any target is asked."""
    found = set()
    call = Caller.__call__

    def noted(self: Caller, prompt: Any, **settings: Any) -> Any:
        found.add(prompt)
        return call(self, prompt, **settings)

    monkeypatch.setattr(Caller, "__call__", noted)
    return found
