"""Random requests as the recording path leaves them behind: flat integers, sealed."""

from __future__ import annotations

from hypothesis import strategies as st

from aligntax.ledger import Ledger
from aligntax.ledger_fields import VERDICTS
from aligntax.recording.scope import CODE_OF, ERROR_SHIFT, LAYER_SHIFT, Live, Recording
from aligntax.trace import GUARD_STAGES, Layer, Outcome, Verdict

LAYERS = (
    *(Layer(f"guard-{stage}", "guard", stage) for stage in GUARD_STAGES),  # type: ignore[arg-type]
    Layer("model-a", "model"),
    Layer("model-b", "model"),
)
ERRORS = ("ValueError", "TimeoutError")


def new_ledger(max_layers: int = 12, max_models: int = 6) -> Ledger:
    """Return a ledger in which every layer, model and error type has its row, so that equal ledgers look equal."""
    ledger = Ledger(max_layers, max_models)
    for layer in LAYERS:
        ledger.layer_row(layer)
    for model in ("model-a", "model-b", "named"):
        ledger.model_row(model)
    for error in ERRORS:
        ledger.error_row(error)
    return ledger


@st.composite
def codes(draw: st.DrawFn, verdicts: tuple[Verdict, ...]) -> int:
    """Return the code of one call: layer, verdict, and the error where it failed."""
    verdict = draw(st.sampled_from(verdicts))
    failed = verdict in {Verdict.ERROR, Verdict.TIMEOUT}
    error = draw(st.integers(1, len(ERRORS))) + 1 if failed else 0
    return draw(st.integers(0, len(LAYERS) - 1)) << LAYER_SHIFT | CODE_OF[verdict] | error << ERROR_SHIFT


@st.composite
def _unsealed(draw: st.DrawFn) -> Recording:
    """Return a request that is still open, whose calls came one after another."""
    lengths = st.one_of(st.just(0), st.integers(0, 300), st.integers(0, 10**11))
    verdicts = tuple(verdict for verdict in VERDICTS if verdict is not Verdict.BLOCK)
    recording = Recording(1_000, metered=False, model=draw(st.sampled_from([None, None, "named"])), trace_id=None)
    now_ns = recording.start_ns = draw(st.integers(0, 10**12))
    for code in draw(st.lists(codes(verdicts), max_size=6)):
        start_ns = now_ns + draw(lengths)
        now_ns = start_ns + draw(lengths)
        recording.root += (start_ns, now_ns, code)
    recording.end_ns = now_ns + draw(lengths)
    return recording


@st.composite
def simple_recordings(draw: st.DrawFn) -> Recording:
    """Return a request whose calls came one after another; gaps and calls may take no time."""
    recording = draw(_unsealed())
    recording.seal()
    return recording


@st.composite
def any_recordings(draw: st.DrawFn) -> Recording:
    """Return a request of any kind: nested or parallel calls, blocks, outcomes and errors of its own."""
    recording = draw(_unsealed())
    span = st.integers(recording.start_ns - 10, recording.end_ns + 10)
    other_thread = Live(recording, room=1_000, metered=False, bits=0, strand=recording.root.strand + 1)
    recording.scopes += draw(st.sampled_from([[], [other_thread]]))
    for code in draw(st.lists(codes(VERDICTS), max_size=3)):
        start_ns, end_ns = sorted((draw(span), draw(span)))
        spans = recording.root if draw(st.booleans()) else other_thread
        spans += (start_ns, end_ns, code)
    recording.outcome = draw(st.sampled_from([None, None, *Outcome]))
    recording.error = draw(st.sampled_from([None, None, *VERDICTS]))
    recording.seal()
    return recording
