"""What the user wants to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Asked"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader should look for.

    Attributes:
        samples: files of samples, or `TASK=FILE`; beside those that lie next to the results.
        cluster: fields of a sample that say which items belong together, e.g. `doc.passage`, or `TASK=FIELD` for the
            items of one task.
        metrics: read these only; all where empty.
        higher: metrics of which more is better, whatever their name says.
        lower: metrics of which less is better.
    """

    samples: Sequence[str] = ()
    cluster: Sequence[str] = ()
    metrics: Sequence[str] = ()
    higher: Sequence[str] = ()
    lower: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        both = sorted(set(self.higher) & set(self.lower))
        if both:
            raise ValueError(f"{', '.join(both)}: is said to be better both ways; keep --higher or --lower")

    def cluster_of(self, task: str) -> str | None:
        """Return the field that groups the items of a task; None for none."""
        fields = dict(each.rpartition("=")[::2] for each in self.cluster)
        return fields.get(task, fields.get(""))

    def wants(self, metric: str) -> bool:
        """Return whether a metric is to be read."""
        return not self.metrics or metric in self.metrics

    def nothing(self, otherwise: str) -> str:
        """Return what to say of a file without any score that is wanted.

        Args:
            otherwise: what is wrong where no metric is asked for.
        """
        return f"has no {' or '.join(self.metrics)}; name by --metric what it has" if self.metrics else otherwise

    def direction(self, metric: str) -> bool | None:
        """Return which way is better, as far as the user says so."""
        return True if metric in self.higher else False if metric in self.lower else None
