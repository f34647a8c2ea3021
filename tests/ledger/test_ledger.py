"""The ledger: fixed memory, independent copies, merging by name, tables that can be full."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from aligntax.ledger import Ledger
from aligntax.ledger_fields import MAX_DEVICES, MAX_ERROR_TYPES, NO_MODEL, OTHER
from aligntax.trace import Layer

PII, NET = Layer("pii"), Layer("net", "model")


def filled(ledger: Ledger, layers: tuple[Layer, ...], seed: int) -> Ledger:
    """Put random counts wherever the ledger's names have rows."""
    generator = np.random.default_rng(seed)
    rows = [ledger.layer_row(layer) for layer in layers]
    models = [ledger.model_row(layer.name) for layer in layers if layer.kind == "model"]
    for name in ("calls", "taxes", "verdicts"):
        array = getattr(ledger, name)
        array[rows] = generator.integers(0, 9, array[rows].shape)
    ledger.cpu_ns[rows] = generator.integers(0, 10**12, len(rows))
    ledger.requests[models] = generator.integers(0, 9, ledger.requests[models].shape)
    ledger.discarded_ns[np.ix_(models, rows)] = generator.integers(1, 9, (len(models), len(rows)))
    ledger.closure_ns[:] = generator.integers(0, 10**12, 4)
    return ledger


@pytest.mark.parametrize(("layers", "models"), [(1, 2), (7, 3), (128, 16)])
def test_the_stated_bytes_are_the_bytes_taken(layers: int, models: int) -> None:
    ledger = Ledger(layers, models)
    assert Ledger(layers + 1, models).buffer.nbytes - ledger.buffer.nbytes == ledger.bytes_per_layer
    assert Ledger(layers, models + 1).buffer.nbytes - ledger.buffer.nbytes == ledger.bytes_per_model
    assert ledger.buffer.nbytes < layers * ledger.bytes_per_layer + models * ledger.bytes_per_model + 1_024


def test_every_field_is_a_view_of_one_buffer_and_no_two_overlap() -> None:
    ledger = Ledger(3, 2)
    fields = {name: value for name, value in vars(ledger).items() if isinstance(value, np.ndarray)}
    buffer = fields.pop("buffer")
    assert all(np.shares_memory(buffer, field) for field in fields.values())
    for number, field in enumerate(fields.values(), 1):
        field += number
    assert sum(field.size for field in fields.values()) == buffer.size
    assert all((field == number).all() for number, field in enumerate(fields.values(), 1))


def test_a_copy_is_independent() -> None:
    ledger = filled(Ledger(3, 3), (PII, NET), 1)
    twin = ledger.copy()
    assert twin.buffer.tobytes() == ledger.buffer.tobytes()
    before = twin.buffer.tobytes()
    ledger.calls[0] += 1
    ledger.layer_row(Layer("later"))
    ledger.model_row("later")
    ledger.error_row("LaterError")
    ledger.device_row("cuda:7")
    assert twin.buffer.tobytes() == before
    assert (twin.layers, twin.models) == ([PII, NET], [NO_MODEL, "net"])
    assert (twin.error_types, twin.devices) == ([OTHER], [OTHER])
    assert twin.lock is not ledger.lock


def test_merging_matches_rows_by_name() -> None:
    first = filled(Ledger(3, 3), (PII, NET), 1)
    second = filled(Ledger(5, 4), (NET, Layer("third", stage="output"), PII), 2)
    first.error_row("A")
    first.errors[0, first.error_row("B")] = 5
    second.errors[second.layer_row(PII), second.error_row("B")] = 7
    second.gpu_ns[second.layer_row(NET), second.device_row("cuda:0")] = 11
    merged = first.copy()
    merged.merge(second)
    for layer in (PII, NET, Layer("third", stage="output")):
        ours = first.calls[first.layer_row(layer)] if layer in first.layers else 0
        assert (merged.calls[merged.layer_row(layer)] == ours + second.calls[second.layer_row(layer)]).all()
    assert merged.errors[merged.layer_row(PII), merged.error_row("B")] == 12
    assert merged.gpu_ns[merged.layer_row(NET), merged.device_row("cuda:0")] == 11
    row, theirs = merged.layer_row(PII), second.layer_row(PII)
    model = merged.model_row("net")
    assert merged.discarded_ns[model, row] == first.discarded_ns[1, 0] + second.discarded_ns[1, theirs]
    assert (merged.closure_ns == first.closure_ns + second.closure_ns).all()
    assert int(merged.buffer.sum()) == int(first.buffer.sum()) + int(second.buffer.sum())


def test_merging_with_itself_doubles_and_with_nothing_changes_nothing() -> None:
    ledger = filled(Ledger(3, 3), (PII, NET), 3)
    before = ledger.copy()
    ledger.merge(Ledger(9, 9))
    assert ledger.buffer.tobytes() == before.buffer.tobytes()
    ledger.merge(ledger)
    assert (ledger.buffer == 2 * before.buffer).all()


def test_ledgers_that_disagree_do_not_merge() -> None:
    ours, theirs = Ledger(), Ledger()
    ours.layer_row(PII)
    theirs.layer_row(Layer("pii", stage="output"))
    before = ours.copy()
    with pytest.raises(ValueError, match="'pii' is taken by a guard of stage 'input'"):
        ours.merge(theirs)
    assert ours.buffer.tobytes() == before.buffer.tobytes()
    small = Ledger(1, 2)
    small.layer_row(PII)
    with pytest.raises(ValueError, match="no room for layer 'net'"):
        small.merge(filled(Ledger(), (NET,), 4))
    assert not small.buffer.any()


def test_a_full_table_of_models_errors_or_devices_uses_its_first_row() -> None:
    ledger = Ledger(2, 2)
    assert [ledger.model_row(model) for model in ("a", "b", None, "none", "a")] == [1, 0, 0, 0, 1]
    rows = [ledger.error_row(f"Error{number}") for number in range(MAX_ERROR_TYPES + 5)]
    assert rows == [*range(1, MAX_ERROR_TYPES), *[0] * 6]
    rows = [ledger.device_row(f"cuda:{number}") for number in range(MAX_DEVICES + 5)]
    assert rows == [*range(1, MAX_DEVICES), *[0] * 6]
    wide = Ledger(2, 9)
    for model in "cdefg":
        wide.requests[wide.model_row(model), 0, 5] = 1
    ledger.merge(wide)  # what has no row of its own is booked under none, and not lost
    assert ledger.requests[0, 0, 5] == 5


def test_equal_layers_share_a_row_and_others_need_another_name() -> None:
    ledger = Ledger(2, 2)
    assert ledger.layer_row(PII) == ledger.layer_row(Layer("pii", "guard", "input")) == 0
    with pytest.raises(ValueError, match="give this layer another name"):
        ledger.layer_row(Layer("pii", "model"))
    ledger.layer_row(NET)
    with pytest.raises(ValueError, match="all 2 rows are taken"):
        ledger.layer_row(Layer("third"))


@pytest.mark.parametrize(("layers", "models"), [(0, 2), (-1, 2), (1, 1), (65_537, 2)])
def test_sizes_that_cannot_be(layers: int, models: int) -> None:
    with pytest.raises(ValueError, match=f"max_layers={layers} and max_models={models}"):
        Ledger(layers, models)


def test_threads_that_ask_for_the_same_new_rows_get_the_same_ones() -> None:
    ledger = Ledger()
    answers: list[list[int]] = []
    start = threading.Barrier(4)

    def ask() -> None:
        start.wait()
        answers.append([ledger.error_row(f"Error{number}") for number in range(12)])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [answers[0]] * 4
    assert len(set(answers[0])) == 12
