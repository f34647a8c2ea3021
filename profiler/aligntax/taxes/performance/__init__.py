"""The performance tax: what the scores of benchmarks lose by alignment, or behind guards."""

from __future__ import annotations

from aligntax.taxes.performance.asking import Question
from aligntax.taxes.performance.comparing import performance_tax
from aligntax.taxes.performance.readers import Asked, read_arm
from aligntax.taxes.performance.scores import Arm, Key, Samples, Score

__all__ = ["Arm", "Asked", "Key", "Question", "Samples", "Score", "performance_tax", "read_arm"]
