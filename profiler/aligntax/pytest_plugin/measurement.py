"""What was measured in a test, and whether it is within limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest

from aligntax.figures import MISSING, TOO_SMALL, duration, percentage
from aligntax.pytest_plugin.settings import Settings
from aligntax.pytest_plugin.summary import Row

if TYPE_CHECKING:
    from aligntax.experiment.gate.judging import Standing
    from aligntax.experiment.result import Result
    from aligntax.inference import Estimate

__all__ = ["TaxMeasurement"]

Per = Literal["request", "call"]


class _Limit(NamedTuple):
    """One limit, as text what was found and what may be, and how the one stands to the other."""

    title: str
    shown: str
    maximum: str
    standing: Standing


class TaxMeasurement:
    """What guards were found to cost.

    Args:
        result: of the experiment; None if the tests run untimed.
        settings: of the test.
        row: of the summary; `within` writes its verdict there, the worst one if it is called more than once.
        raw_known: whether there is a raw time to compare with; a guard alone has none.

    Attributes:
        result: as above; `result.save(path)` writes what `aligntax compare` and `aligntax gate` read.
        tax: seconds that the guards add to a request, with a 95 % interval: the median of the pairwise differences.
            None if untimed.
        relative: the same as a share of the raw time, a ratio of means; None where that is not known.
    """

    def __init__(self, result: Result | None, settings: Settings, row: Row, *, raw_known: bool) -> None:
        self.result = result
        self.tax: Estimate | None = None
        self.relative: Estimate | None = None
        self._settings = settings
        self._row = row
        self._raw_known = raw_known
        self._worst: Standing | None = None
        if result is None:
            return
        from aligntax.inference import Estimate

        tax = result.data["tax"]
        self.tax = Estimate.from_dict(tax["seconds"])
        self.relative = Estimate.from_dict(tax["relative"]) if raw_known else None
        row["guards"] = ", ".join(result.data["target"]["guards"])
        row["tax"] = duration(self.tax.value, signed=True)
        row["interval"] = _interval(self.tax, duration)
        row["relative"] = MISSING if self.relative is None else percentage(self.relative.value, signed=True)
        row["n"] = f"{tax['n']:,}"

    def within(
        self, absolute: str | None = None, relative: float | str | None = None, per: Per = "request"
    ) -> TaxMeasurement:
        """Assert that the tax is within limits; untimed, assert nothing.

        Args:
            absolute: what guards may add to the median request, e.g. `"5 ms"`.
            relative: the same as a share of raw, e.g. 0.02 or `"2%"`.
            per: what `absolute` is about: a `request`, or each `call` of a guard in it.

        Raises:
            AssertionError: if the whole interval is above a limit; and if a limit lies within it, unless the setting
                `cannot_tell` is `skip` or `pass`.
            ValueError: for a limit that is none, or if `relative` is given and no raw time is known.
        """
        __tracebackhide__ = True
        if self.result is None:
            return self
        try:
            limits = self._limits(self.result.data, absolute, relative, per)
        except ValueError as error:
            raise error.with_traceback(None) from None  # its message says all
        from aligntax.experiment.gate.judging import Standing, worst

        found = worst(limit.standing for limit in limits)
        taken = self._settings.cannot_tell if found is Standing.CANNOT_TELL else ""
        if self._worst is None or worst((self._worst, found)) is found:  # the summary shows one verdict of several
            self._worst = found
            self._row["limit"] = ", ".join(limit.maximum for limit in limits)
            self._row["verdict"] = f"{found.value} ({taken})" if taken else found.value
        message = self._message(limits, found, self.result.data)
        if found is Standing.FAILED or taken == "fail":
            raise AssertionError(message)
        if taken == "skip":
            pytest.skip(message)
        return self

    def _limits(
        self, data: Mapping[str, Any], absolute: str | None, relative: float | str | None, per: str
    ) -> list[_Limit]:
        from aligntax.experiment.gate.measured import Unit
        from aligntax.experiment.gate.quantity import parse

        if absolute is None and relative is None:
            raise ValueError('within() has no limit; pass one, e.g. within("5 ms") or within(relative=0.02)')
        if per not in {"request", "call"}:
            raise ValueError(f"per={per!r} must be 'request' or 'call'")
        found = []
        if absolute is not None:
            maximum = parse("absolute", absolute, Unit.SECONDS)
            tax = self._per_call(data) if per == "call" else self.tax
            found.append(_limit(f"tax per {per}", tax, maximum, duration))
        if relative is not None:
            if not self._raw_known:
                raise ValueError(
                    f"relative={relative!r}: a guard alone has no raw time that its tax could be a share of; pass a "
                    "model, tax_benchmark(guard, prompts, model=...), return one from a fixture named "
                    "tax_benchmark_model, or measure a pipeline"
                )
            maximum = parse("relative", relative, Unit.RATIO)
            found.append(_limit("tax, of raw", self.relative, maximum, percentage))
        return found

    def _per_call(self, data: Mapping[str, Any]) -> Estimate:
        from aligntax.inference import Estimate

        calls = sum(guard["calls"] for guard in data["guards"]) / data["tax"]["n"]
        if not calls:
            raise ValueError("per='call': no guard was called in a request that ran to its end; use per='request'")
        return Estimate(*(None if each is None else each / calls for each in self.tax or ()))  # type: ignore[arg-type]

    def _message(self, limits: list[_Limit], found: Standing, data: Mapping[str, Any]) -> str:
        guards = ", ".join(data["target"]["guards"])
        null = data.get("null")
        lines = [
            f"the tax of {guards} is above its limit"
            if found.value == "failed"
            else f"cannot tell whether the tax of {guards} is within its limit",
            *(f"  {limit.title}: {limit.shown}, at most {limit.maximum}: {limit.standing.value}" for limit in limits),
            f"  n = {data['tax']['n']:,} pairs, {data['design']['prompts']['count']:,} prompts, 95 % intervals",
        ]
        if null is not None:
            lines.append(f"  two arms without guards differed by {duration(null['seconds']['value'], signed=True)}")
        if found.value != "failed":
            budget, width = self._settings.budget_seconds, self._settings.width
            mend = (
                f"a smaller --tax-benchmark-width than {width:g}"
                if data["design"]["stopped"] == "width"
                else f"a larger --tax-benchmark-budget than {budget:g}"
            )
            lines.append(f"  measure for longer ({mend}), or on a quieter machine; or set aligntax_cannot_tell")
        return "\n".join(lines)


def _limit(title: str, found: Estimate | None, maximum: float, written: Any) -> _Limit:
    from aligntax.experiment.gate.judging import by_interval

    if found is None:
        raise ValueError(f"{title}: was not measured")
    shown = f"{written(found.value, signed=True)} ({_interval(found, written)})"
    return _Limit(title, shown, written(maximum), by_interval(found, maximum))


def _interval(found: Estimate, written: Any) -> str:
    if found.low is None or found.high is None:
        return TOO_SMALL
    return f"{written(found.low, signed=True)} to {written(found.high, signed=True)}"
