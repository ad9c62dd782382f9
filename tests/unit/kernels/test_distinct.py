"""The distinct tokens of a batch, in order, and each token's index among them."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from lottery.kernels.distinct import distinct


@given(documents=st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), min_size=1))
def test_distinct(documents: list[list[int]]) -> None:
    scratch = np.full(10, -1)
    tokens = torch.tensor(documents)
    ids, indices = distinct(tokens, scratch)
    assert torch.equal(torch.from_numpy(ids)[indices], tokens)
    assert list(ids) == list(dict.fromkeys(tokens.flatten().tolist()))
    assert (scratch == -1).all()
