"""Single operations on a GPU: what TF32 does to their results, and what repeatable results cost."""

import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F

from lottery.kernels import selection
from lottery.training import device

MODES = {"repeatable": "error", "free": "default"}
"""PyTorch's deterministic debug mode: the library's, and PyTorch's own default."""
DOCUMENTS, TOKENS, FILTERS, HIDDEN, ROWS, DIM = 64, 266, 100, 256, 25_002, 100
"""A batch of IMDb at the study's sizes; ``TOKENS`` is the mean length of a document."""


def by_turns(run: Callable[[], object], rounds: int, target: torch.device) -> dict[str, float]:
    """The median seconds of ``run`` in each of the modes, after one round to warm up."""
    seconds: dict[str, list[float]] = {mode: [] for mode in MODES}
    for number in range(rounds + 1):
        for mode in MODES:
            with deterministic(mode):
                synchronize(target)
                start = time.perf_counter()
                run()
                synchronize(target)
                if number:
                    seconds[mode].append(time.perf_counter() - start)
    return {mode: statistics.median(values) for mode, values in seconds.items()}


@contextmanager
def deterministic(mode: str) -> Iterator[None]:
    """A block in one of the modes; the library's afterwards."""
    torch.set_deterministic_debug_mode(MODES[mode])
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(MODES["repeatable"])


def synchronize(target: torch.device) -> None:
    """Wait for what the GPU was told to do."""
    if target.type == "cuda":
        torch.cuda.synchronize(target)


def errors(name: str, precision: str) -> dict[str, float]:
    """How far products on the device ``name`` are from those in float64, relative to the largest:
    about 1e-6 without TF32, and from 1e-4 with it."""
    target = device.prepare(name, 1, precision)
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def lstm(states: torch.Tensor, first: torch.Tensor, *layer: torch.Tensor) -> torch.Tensor:
        return torch.lstm(states, (first, first), list(layer), True, 1, 0.0, True, False, True)[0]

    gates = 4 * HIDDEN
    layer = [0.1 * draw(*shape) for shape in ((gates, DIM), (gates, HIDDEN), (gates,), (gates,))]
    zeros = torch.zeros(1, 8, HIDDEN, dtype=torch.float64)
    cases: dict[str, tuple[Callable[..., torch.Tensor], list[torch.Tensor]]] = {
        "convolution": (F.conv1d, [draw(8, DIM, 64), draw(FILTERS, DIM, 5)]),
        "lstm": (lstm, [draw(8, 32, DIM), zeros, *layer]),
        "product": (F.linear, [draw(64, 512), draw(300, 512)]),
    }
    result = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # this layer's weights are not one chunk
        for case, (run, inputs) in cases.items():
            exact = run(*inputs)
            rounded = run(*(value.float().to(target) for value in inputs)).double().cpu()
            result[case] = float((rounded - exact).abs().max() / exact.abs().max())
    return result


def gradient_times(name: str, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds forward and back: PyTorch's operations, and those that replace them."""
    target = device.prepare(name, 1)
    generator = torch.Generator(target).manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, device=target, generator=generator, requires_grad=True)

    sums, states = draw(DOCUMENTS, FILTERS, TOKENS), draw(DOCUMENTS, TOKENS, HIDDEN)
    order = torch.arange(TOKENS, device=target).flip(0).expand(DOCUMENTS, -1)[:, :, None]
    last = torch.full((DOCUMENTS, 1, 1), TOKENS - 1, device=target)
    # Squared, so that some rows are read much more often than others, as words are.
    share = torch.rand(DOCUMENTS, TOKENS, device=target, generator=generator).square()
    tokens = (share * ROWS).long()
    cases: dict[str, tuple[Callable[[torch.Tensor], torch.Tensor], torch.Tensor]] = {
        "maximum, max": (lambda leaf: leaf.max(2).values, sums),
        "maximum, ours": (lambda leaf: selection.pick(leaf, leaf.argmax(2, True), 2), sums),
        "reversed, gather": (lambda leaf: leaf.gather(1, order.expand_as(leaf)), states),
        "reversed, ours": (lambda leaf: selection.swap(leaf, order), states),
        "last state, gather": (lambda leaf: leaf.gather(1, last.expand(-1, 1, HIDDEN)), states),
        "last state, ours": (lambda leaf: selection.pick(leaf, last, 1), states),
        "embedding": (lambda leaf: F.embedding(tokens, leaf), draw(ROWS, DIM)),
    }
    result = {}
    for case, (run, leaf) in cases.items():

        def step(
            run: Callable[[torch.Tensor], torch.Tensor] = run, leaf: torch.Tensor = leaf
        ) -> None:
            run(leaf).sum().backward()

        seconds = by_turns(step, rounds, target)
        result[case] = {mode: 1e3 * value for mode, value in seconds.items()}
    return result
