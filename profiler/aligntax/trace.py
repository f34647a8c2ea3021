"""The records that flow through aligntax: plain, immutable data without behaviour of their own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Literal, NamedTuple, get_args

Kind = Literal["model", "guard"]
Stage = Literal["input", "parallel", "decode", "stream", "output", "model"]

GUARD_STAGES: tuple[str, ...] = tuple(stage for stage in get_args(Stage) if stage != "model")
MAX_NAME_LENGTH = 120


class Verdict(StrEnum):
    """What one guard said about one call."""

    ALLOW = auto()
    MODIFY = auto()
    BLOCK = auto()
    ERROR = auto()
    TIMEOUT = auto()
    CANCELLED = auto()
    SKIPPED = auto()


class Outcome(StrEnum):
    """How a request ended. Requests are compared only within one outcome: a fast block is no saving."""

    ALLOWED = auto()
    MODIFIED = auto()
    BLOCKED_INPUT = auto()
    BLOCKED_OUTPUT = auto()
    ERROR = auto()
    TIMEOUT = auto()
    CANCELLED = auto()

    @property
    def comparable(self) -> bool:
        """Whether a request that ended like this has a raw time to compare with: it ran to its end."""
        return self in {Outcome.ALLOWED, Outcome.MODIFIED}


@dataclass(frozen=True, slots=True)
class Layer:
    """A named stage of the request path.

    Attributes:
        name: unique within a profiler; printable, at most 120 characters.
        kind: `"model"` or `"guard"`.
        stage: where a guard stands: `input`, `parallel`, `decode`, `stream` or `output`. A model's is `model`.

    Raises:
        ValueError: for an empty or unprintable name, an unknown kind or an unknown stage.
    """

    name: str
    kind: Kind = "guard"
    stage: Stage | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip() or not self.name.isprintable():
            raise ValueError(f"layer name {self.name!r} is not a printable, non-empty string; pass name='...'")
        if len(self.name) > MAX_NAME_LENGTH:
            raise ValueError(f"layer name of {len(self.name)} characters; at most {MAX_NAME_LENGTH} are allowed")
        if self.kind not in get_args(Kind):
            raise ValueError(f"layer kind {self.kind!r} is unknown; use 'guard' or 'model'")
        stage = self.stage or ("model" if self.kind == "model" else "input")
        allowed = ("model",) if self.kind == "model" else GUARD_STAGES
        if stage not in allowed:
            raise ValueError(f"stage {stage!r} is unknown for a {self.kind}; use one of {', '.join(allowed)}")
        object.__setattr__(self, "stage", stage)


class Span(NamedTuple):
    """One timed interval of one layer on one request.

    Attributes:
        layer: whose time this is.
        start_ns, end_ns: on the profiler's clock.
        verdict: what the call returned; None where the call goes on (all but the last run of a stream).
        parent: index, in the trace, of the span whose call made this one; None at the top. Spans that are not
            nested and overlap in time ran in parallel.
        call: 0, or a number that the runs of one streaming call share.
        strand: identity of the thread that ended the call.
        cpu_ns: CPU time of the calling thread without that of nested layers; None where not sampled.
        gpu_start_ns, gpu_end_ns: when the work that was put on the GPU ran, on the profiler's clock; None without.
        gpu_device: the device that ran it, e.g. `"cuda:0"`.
        error_type: class name of the exception that ended the call.
    """

    layer: Layer
    start_ns: int
    end_ns: int
    verdict: Verdict | None = Verdict.ALLOW
    parent: int | None = None
    call: int = 0
    strand: int = 0
    cpu_ns: int | None = None
    gpu_start_ns: int | None = None
    gpu_end_ns: int | None = None
    gpu_device: str | None = None
    error_type: str | None = None

    @property
    def duration_ns(self) -> int:
        """Wall time from start to end, GPU work that outlives the call not included."""
        return self.end_ns - self.start_ns

    @property
    def settled_ns(self) -> int:
        """When the call and the GPU work that it left behind had both ended."""
        return self.end_ns if self.gpu_end_ns is None else max(self.end_ns, self.gpu_end_ns)


@dataclass(frozen=True, slots=True)
class Trace:
    """The spans of one request, with the request's own start, end and outcome.

    Attributes:
        start_ns, end_ns: on the profiler's clock; time outside of every span belongs to the application.
        spans: in any order; `Span.parent` indexes into it.
        outcome: how the request ended.
        model: the model that the request is booked under; None where no model was called.
        trace_id: the caller's own identifier, for exemplars; None without.
    """

    start_ns: int
    end_ns: int
    spans: tuple[Span, ...] = ()
    outcome: Outcome = Outcome.ALLOWED
    model: str | None = None
    trace_id: str | None = None

    @property
    def duration_ns(self) -> int:
        """Wall time of the whole request."""
        return self.end_ns - self.start_ns
