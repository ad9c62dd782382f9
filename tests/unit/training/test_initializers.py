"""Initial weights: the study's distributions, and word vectors."""

import pytest
import torch
from helpers import MODELS

from lottery.storage.token_arrays import PAD, UNK
from lottery.training import initializers


@pytest.mark.parametrize("name", MODELS)
def test_initial_weights(name: str) -> None:
    module, options = MODELS[name]
    model = module.build(options, 400, 30, 1)
    weights = initializers.draw(model, torch.Generator().manual_seed(0), 0.7)
    assert list(weights) == [name for name, _ in model.named_parameters()]
    for key, weight in weights.items():
        if key == "embedding":
            assert not weight[[UNK, PAD]].any()
            assert weight[2:].std() == pytest.approx(0.7, rel=0.05)
        elif "bias" in key:
            assert not weight.any()
        elif "weight_hh" in key:
            torch.testing.assert_close(weight.T @ weight, torch.eye(weight.shape[1]))
        elif weight.numel() > 100:  # of ten draws the deviation says little
            receptive = weight[0][0].numel() if weight.dim() > 2 else 1
            fans = (weight.shape[0] + weight.shape[1]) * receptive
            assert weight.std() == pytest.approx((2 / fans) ** 0.5, rel=0.25)
    again = initializers.draw(model, torch.Generator().manual_seed(0), 0.7)
    assert all(torch.equal(weights[key], again[key]) for key in weights)


def test_vectors_are_in_the_embedding() -> None:
    """The study's code never copied them in."""
    module, options = MODELS["lstm"]
    model = module.build(options, 10, 6, 1)
    vectors = torch.arange(60.0).view(10, 6) + 1
    covered = torch.tensor([False, False] + [True, False] * 4)
    drawn = initializers.draw(model, torch.Generator().manual_seed(0), 0.5, vectors, covered)
    assert torch.equal(drawn["embedding"][covered], vectors[covered])
    random = drawn["embedding"][2:][~covered[2:]]
    assert random.any()
    assert random.abs().max() < 3
    assert not drawn["embedding"][[UNK, PAD]].any()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("vectors", [False, True])
def test_what_is_drawn_differs_and_what_is_not_is_the_same(name: str, vectors: bool) -> None:
    module, options = MODELS[name]
    model = module.build(options, 10, 6, 1)
    start = (torch.ones(10, 6), torch.tensor([False, False] + [True, False] * 4))
    chosen = start if vectors else (None, None)
    one, other = (
        initializers.draw(model, torch.Generator().manual_seed(seed), 0.5, *chosen)
        for seed in (0, 1)
    )
    drawn = initializers.drawn(model, chosen[1])
    assert list(drawn) == list(one)
    for key, positions in drawn.items():
        assert torch.equal(one[key] != other[key], positions)
    assert int(drawn["embedding"].sum()) == (4 if vectors else 8) * 6
