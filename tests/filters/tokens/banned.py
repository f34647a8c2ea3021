"""What tests of TokenBans share: the backends, and rows that may or may not end in a banned sequence."""

import torch
from hypothesis import strategies as st

BACKENDS = ("reference", "cpu", "auto")
DTYPES = (torch.float32, torch.float16, torch.bfloat16)


def banned_of(logits):
    return set(torch.isneginf(torch.as_tensor(logits)).nonzero().flatten().tolist())


@st.composite
def bans_and_rows(draw):
    vocabulary = draw(st.sampled_from([1, 2, 3, 9]))
    token = st.integers(0, vocabulary - 1)
    sequences = draw(st.lists(st.lists(token, min_size=1, max_size=5), min_size=1, max_size=12))
    rows, length = draw(st.integers(1, 4)), draw(st.integers(1, 9))
    read = draw(st.lists(st.lists(token, min_size=length, max_size=length), min_size=rows, max_size=rows))
    seed = draw(st.integers(0, 2**32 - 1))
    logits = torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(seed))
    return sequences, vocabulary, torch.tensor(read), logits
