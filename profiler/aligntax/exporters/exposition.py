"""Metric families as text: Prometheus' text format 0.0.4, and OpenMetrics 1.0.0, which alone has exemplars.

`prometheus_client` renders the same text, and a test compares the two sample by sample; but it builds every line from
its parts at every scrape. Here the constant part of a series is made once, as a template for its values.

Source: the Prometheus text format (prometheus.io, Exposition formats) and the OpenMetrics 1.0.0 specification.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from aligntax.exemplars import Exemplar
from aligntax.exporters.definitions import Definition
from aligntax.exporters.families import Family, Histogram, HistogramFamily, Labels, SampleFamily

TEXT_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Templates = dict[tuple[Labels, bool], str]


class Exposition:
    """Renders families in one of the two formats, and remembers the constant part of every series.

    The memory is bounded by the ledger that the families come from: at most two templates a series. Threads may share
    one.

    Args:
        openmetrics: whether to write OpenMetrics and not the older text format.
    """

    def __init__(self, *, openmetrics: bool = False) -> None:
        self.openmetrics = openmetrics
        self.content_type = OPENMETRICS_CONTENT_TYPE if openmetrics else TEXT_CONTENT_TYPE
        self._templates: dict[str, Templates] = {}

    def render(self, families: Iterable[Family]) -> bytes:
        """Return the families as UTF-8 text. Samples come without timestamps, and `_created` series are left out."""
        parts: list[str] = []
        for family in families:
            templates = self._templates.setdefault(family.definition.name, {})
            parts.append(self._head(family.definition))
            if isinstance(family, HistogramFamily):
                parts += [self._histogram(family.definition, series, templates) for series in family.series]
            else:
                parts += _samples(family, templates)
        if self.openmetrics:
            parts.append("# EOF\n")
        # A name that cannot be encoded must not cost all the others.
        return "".join(parts).encode("utf-8", "replace")

    def _head(self, definition: Definition) -> str:
        name, kind = definition.name, definition.type
        if not self.openmetrics:
            name = _sample_name(definition)
            kind = "gauge" if kind == "info" else kind
        head = f"# HELP {name} {definition.help}\n# TYPE {name} {kind}\n"
        if self.openmetrics and definition.unit:
            head += f"# UNIT {name} {definition.unit}\n"
        return head

    def _histogram(self, definition: Definition, histogram: Histogram, templates: Templates) -> str:
        exemplars = self.openmetrics and bool(histogram.exemplars)
        key = (histogram.labels, exemplars)
        template = templates.get(key)
        if template is None:
            template = templates[key] = _histogram_template(definition, histogram.labels, exemplars=exemplars)
        values: Sequence[int | str] = histogram.cumulative
        if exemplars:
            values = list(_with_exemplars(histogram))
        return template % (*values, histogram.cumulative[-1], histogram.total)


def _samples(family: SampleFamily, templates: Templates) -> Iterator[str]:
    for labels, value in family.series:
        template = templates.get((labels, False))
        if template is None:
            name = _sample_name(family.definition)
            template = templates[labels, False] = f"{_constant(name, _pairs(family.definition, labels))} %s\n"
        yield template % value


# All values are "%s": it is faster than "%d", and writes floats such that they read back exactly.


def _histogram_template(definition: Definition, labels: Labels, *, exemplars: bool) -> str:
    name, pairs = definition.name, _pairs(definition, labels)
    value = "%s%s" if exemplars else "%s"
    lines = [
        f"{_constant(f'{name}_bucket', [*pairs, bound])} {value}\n"
        for bound in (f'le="{label}"' for label in definition.bound_labels)
    ]
    lines.append(f"{_constant(f'{name}_count', pairs)} %s\n")
    lines.append(f"{_constant(f'{name}_sum', pairs)} %s\n")
    return "".join(lines)


def _constant(name: str, pairs: Sequence[str]) -> str:
    series = f"{name}{{{','.join(pairs)}}}" if pairs else name
    return series.replace("%", "%%")


def _pairs(definition: Definition, labels: Labels) -> list[str]:
    return [f'{name}="{_escaped(value)}"' for name, value in zip(definition.labels, labels, strict=True)]


def _sample_name(definition: Definition) -> str:
    return definition.name + {"counter": "_total", "info": "_info"}.get(definition.type, "")


def _with_exemplars(histogram: Histogram) -> Iterator[int | str]:
    for index, count in enumerate(histogram.cumulative):
        yield count
        yield _exemplar(histogram.exemplars.get(index))


def _exemplar(exemplar: Exemplar | None) -> str:
    return f' # {{trace_id="{_escaped(exemplar.trace_id)}"}} {exemplar.seconds}' if exemplar else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
