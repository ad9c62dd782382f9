"""What a GPU runs instead of the kernels; on a CPU here, as far as a CPU can tell."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from helpers import MODELS, same
from torch.utils._python_dispatch import TorchDispatchMode

from lottery.kernels import conv_maxpool
from lottery.models import cnn, lstm
from lottery.training import initializers, loop, optimizers

TOKENS = torch.tensor([[3, 4, 5, 6, 7, 3], [8, 9, 3, 1, 1, 1]])
LENGTHS = torch.tensor([6, 3])


@pytest.fixture(autouse=True)
def twins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The models compute on a CPU what they compute on a GPU."""
    monkeypatch.setattr(cnn, "conv_maxpool", cnn.plain_conv_maxpool)
    monkeypatch.setattr(lstm, "packed_last_states", lstm.padded_last_states)
    assert cnn.plain_conv_maxpool is not conv_maxpool.conv_maxpool


class Operations(TorchDispatchMode):
    """The names of PyTorch's operations that run inside."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def network(name: str) -> Any:
    module, options = MODELS[name]
    model = module.build(options, 12, 6, 3)
    drawn = initializers.draw(model, torch.Generator().manual_seed(1), 1.0)
    for key, parameter in model.named_parameters():
        parameter.data.copy_(drawn[key])
    return model


def operations(run: Callable[[], object]) -> set[str]:
    with Operations() as mode:
        run()
    return mode.names


@pytest.mark.parametrize("name", MODELS)
def test_a_step_scatters_nothing(name: str) -> None:
    """Where results must repeat, PyTorch sorts the indices of each scatter on a GPU."""
    model = network(name)

    def step() -> None:
        logits = model(model.embedding, TOKENS, LENGTHS, lambda values: values)
        logits.logsumexp(1).sum().backward()

    names = operations(step)
    assert "embedding_dense_backward" in names, "the gradient is recorded"
    assert not {name for name in names if "scatter" in name or "index" in name}


def chunks(model: Any) -> list[list[torch.Tensor]]:
    """The four weights of each layer and direction."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return [
        [getattr(model, f"{name}_l{layer}{direction}") for name in names]
        for layer in range(model.options.layers)
        for direction in ("", "_reverse")
    ]


def in_one_chunk(weights: list[torch.Tensor]) -> bool:
    """Whether they fill a storage of their own, one after the other."""
    storage = weights[0].untyped_storage()
    start = storage.data_ptr()
    for weight in weights:
        if weight.data_ptr() != start or not weight.is_contiguous():
            return False
        start += weight.nbytes
    return start == storage.data_ptr() + storage.nbytes()


def flatten_weight(weights: list[torch.Tensor], *arguments: object) -> torch.Tensor:
    """Stands in for cuDNN, which a CPU lacks: the weights become views of one buffer."""
    hidden, inputs = weights[1].shape[1], weights[0].shape[1]
    # weights per layer, inputs, CUDNN_LSTM, hidden, projection, layers, batch_first, bidirectional
    assert arguments == (4, inputs, 2, hidden, 0, 1, True, False)
    buffer = torch.cat([weight.flatten() for weight in weights])
    sizes = [weight.numel() for weight in weights]
    for weight, part in zip(weights, buffer.split(sizes), strict=True):
        weight.set_(part.view(weight.shape))  # type: ignore[call-overload]
    return buffer


def test_an_lstms_weights_stay_one_chunk_per_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the move to the GPU on, over levels of training with masks."""
    monkeypatch.setattr(torch.backends.cudnn, "is_acceptable", lambda tensor: True)
    monkeypatch.setattr(torch, "_cudnn_rnn_flatten_weight", flatten_weight)
    model = network("lstm")
    before = loop.copy_weights(model)
    assert not any(map(in_one_chunk, chunks(model)))
    assert model.to(torch.device("cpu")) is model
    assert all(map(in_one_chunk, chunks(model)))
    assert same(loop.copy_weights(model), before)
    for seed in range(2):
        loop.load_weights(model, before)
        generator = torch.Generator().manual_seed(seed)
        masks = {
            name: torch.rand(value.shape, generator=generator) < 0.5
            for name, value in before.items()
        }
        optimizer = optimizers.FusedAdam(dict(model.named_parameters()), masks)
        embeddings, indices = optimizer.embeddings(TOKENS)
        model(embeddings, indices, LENGTHS, lambda values: values).sum().backward()
        optimizer.step(0.1)
        assert not same(loop.copy_weights(model), before)
        assert all(map(in_one_chunk, chunks(model)))


def test_an_lstms_weights_in_bfloat16_are_one_chunk_per_direction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[list[torch.Tensor]] = []
    direction = lstm._direction

    def note(states: torch.Tensor, weights: list[torch.Tensor]) -> torch.Tensor:
        seen.append(weights)
        return direction(states, weights)

    monkeypatch.setattr(lstm, "_direction", note)
    model = network("lstm")
    model.precision = torch.bfloat16
    model(model.embedding, TOKENS, LENGTHS, lambda values: values).sum().backward()
    assert len(seen) == 4
    assert all(map(in_one_chunk, seen))
    for mine, theirs in zip(seen, chunks(model), strict=True):
        for one, other in zip(mine, theirs, strict=True):
            assert torch.equal(one, other.bfloat16())
            assert other.grad is not None
            assert other.grad.any()
