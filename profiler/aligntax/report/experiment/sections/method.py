"""The method in words: what each figure is, and by which formula."""

from __future__ import annotations

from collections.abc import Iterator

from aligntax.figures import percentage
from aligntax.report.experiment.contents import Data
from aligntax.report.experiment.wording import confidence
from aligntax.report.page.parts import Paragraph, Section

__all__ = ["method"]


def method(result: Data) -> Section:
    """Return the section on the method, on those parts of it that this result has."""
    return Section(
        "method",
        "How it was measured",
        "Every figure on this page can be computed again from the result file.",
        tuple(Paragraph(text, term) for term, text in _terms(result)),
    )


def _terms(result: Data) -> Iterator[tuple[str, str]]:
    sure = confidence(result)
    yield (
        "Pairs",
        "Each prompt is sent once with and once without the guards, right after each other and in alternating order, "
        "so that what drifts, such as the clock rate or the load of the machine, meets both alike.",
    )
    yield (
        "Tax",
        f"The median of the pairwise differences, guarded minus raw. Its {sure} interval lies between two order "
        "statistics of the differences, whose ranks follow from the binomial distribution; it assumes no shape of "
        "the distribution.",
    )
    yield (
        "Relative tax",
        f"The ratio of the mean times, guarded over raw, less one. Its {sure} interval is a normal one on the "
        "logarithm of the ratio, by the delta method with the covariance of the pairs.",
    )
    if result["design"].get("width"):
        yield (
            "Stopping",
            f"It ends when the {sure} intervals of the absolute and of the relative tax are both within "
            f"±{percentage(result['design']['width'])} of a request, or else when its time or its number of pairs is "
            "used up. It looks at the widths alone and not at the tax, and the rarer the more pairs there are, so that "
            "it cannot end at a moment that suits.",
        )
    if result.get("null"):
        yield (
            "A/A",
            "A second arm without guards is measured in the same session. It differs from the first by noise alone; "
            "a tax within that is not distinguishable from zero.",
        )
    yield (
        "Quantiles",
        "p50, p90, p95 and p99 are order statistics, and so are the ends of their intervals. An interval needs at "
        "least 6, 29, 59 and 299 requests for these four; below that the page says “n too small” and gives no number.",
    )
    yield (
        "Outcomes",
        "Only requests that ran to their end, allowed or modified, both without and with the guards are compared; in a "
        "further arm, those that did so there as well. A request that is blocked early saves the model's time and "
        "would look like a negative tax.",
    )
    yield (
        "Busy, critical, drag",
        "Busy is the sum of a guard's calls. Critical is its time on the critical path: those of all layers and the "
        "time of no layer make the request's duration exactly. Drag is the duration less that of a replay without "
        "this guard alone.",
    )
    yield (
        "Share",
        "The Shapley value of the game in which a set of guards costs what the replayed request takes with them, "
        "less what it takes with none: each guard's part averaged over all orders in which guards could be added. "
        "Shares sum to the tax. For guards beside the model this is the airport game: each stretch by which the "
        "request is delayed is split evenly among the guards that are still running in it.",
    )
    yield (
        "Replay",
        "A recorded request with some calls taken out: what was seen to start after another call had ended starts "
        "when that ends in the replay, plus the gap that was seen.",
    )
    if result.get("contention"):
        passing = ", and of the way through the proxy" if result["contention"].get("hop_seconds") else ""
        yield (
            "Contention residual",
            "Measured tax minus replayed tax, both means. What is left is what guards cost beyond their own time"
            f"{passing}.",
        )
    if result.get("load"):
        yield (
            "Load",
            "Requests are sent at their intended times whether or not earlier ones are answered, and their latency "
            "counts from the intended start: delay of dispatch plus service. So a server that stalls cannot hide it. "
            "Requests that wait in one line are slow together and say less than as many independent ones: where they "
            "are worth too few for an interval, the page says “n too small”, too.",
        )
    if result.get("scaling"):
        yield (
            "Exponent",
            "The slope of a straight line through the logarithms of size and tax, by weighted least squares; with at "
            "least four sizes, else there are points and no exponent.",
        )
    if result.get("whatif"):
        yield (
            "What if",
            "Each recorded request is replayed with the change, and the tax computed anew; the contention residual is "
            "added before and after. The intervals come from the requests; that a change alters what guards take from "
            "each other and from the model, other than by waiting, is not in them.",
        )
