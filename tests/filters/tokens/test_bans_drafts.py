"""TokenBans on drafts of several tokens: as many steps, of which any part may be accepted."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntax_kernels.tokens import TokenBans

from .banned import BACKENDS, banned_of, bans_and_rows


@settings(max_examples=100, deadline=None)
@given(bans_and_rows(), st.data())
def test_a_draft_is_as_many_steps_and_leaves_the_state(arguments, data):
    sequences, vocabulary, drafts, _ = arguments
    rows, length = drafts.shape
    prompt = torch.tensor(data.draw(st.lists(st.integers(0, vocabulary - 1), min_size=rows, max_size=rows)))
    for backend in BACKENDS:
        bans = TokenBans(sequences, vocabulary, backend=backend)
        state = bans.start(rows)
        bans.advance(state, prompt)
        begun = state.copy()
        logits = torch.zeros(rows, length + 1, vocabulary)
        states = bans.draft(logits, state, drafts)
        assert np.array_equal(state, begun)
        for place in range(length + 1):
            expected = torch.zeros(rows, vocabulary)
            if place:
                bans.step(expected, state, drafts[:, place - 1])
            else:
                bans.apply(expected, state)
            assert torch.equal(logits[:, place], expected)
            assert np.array_equal(states[:, place], state)


@pytest.mark.parametrize("backend", BACKENDS)
def test_any_accepted_part_of_a_draft_goes_on_where_it_was_cut(backend):
    bans = TokenBans([[1, 2, 3], [2, 3, 4]], 5, backend=backend)
    drafts = np.array([[1, 2, 0], [1, 2, 0]])
    state = bans.start(2)
    states = bans.draft(np.zeros((2, 4, 5), np.float32), state, drafts)
    accepted = [2, 0]
    state[:] = states[range(2), accepted]
    logits = np.zeros((2, 5), np.float32)
    bans.step(logits, state, np.array([1, 2]))  # as if 1, 2, 1 and 2 had been said
    again = bans.start(2)
    bans.advance(again, np.array([[1, 2, 1], [-1, -1, 2]]))
    assert np.array_equal(state, again)
    assert banned_of(logits[0]) == banned_of(logits[1]) == set()
    bans.step(logits, state, np.array([2, 3]))
    assert banned_of(logits[0]) == {3}
    assert banned_of(logits[1]) == {4}
