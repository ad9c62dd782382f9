"""How far the kernels' results on the card are from float64, beside those of plain PyTorch."""

import torch

from lottery.training import device
from lottery.training.lockstep.networks import cnn, lstm

NETWORKS, LONGEST, DOCUMENTS, INPUTS = 3, 40, 64, 100


def errors(target: str, precision: str, hidden: int = 256) -> dict[str, float]:
    """The largest relative error of the LSTM's states and gradients: of what a group on ``target``
    runs, and of plain PyTorch there; relative to the tensor's largest number."""
    where = device.prepare(target, 1, precision)
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int, scale: float = 1.0) -> torch.Tensor:
        return scale * torch.randn(shape, generator=generator, dtype=torch.float64)

    gates = 4 * hidden
    exact_leaves = [
        draw(NETWORKS, LONGEST, DOCUMENTS, INPUTS),
        draw(NETWORKS, 2, gates, INPUTS, scale=0.1),
        draw(NETWORKS, 2, gates, hidden, scale=0.06),
        draw(NETWORKS, 2, gates, scale=0.1),
    ]
    lengths = torch.randint(1, LONGEST + 1, (NETWORKS, DOCUMENTS), generator=generator)
    slopes = draw(NETWORKS, LONGEST, DOCUMENTS, 2 * hidden)

    def results(leaves: list[torch.Tensor], plain: bool) -> list[torch.Tensor]:
        leaves = [leaf.requires_grad_() for leaf in leaves]
        run = lstm.plain_bidirectional if plain else lstm.bidirectional
        states = run(leaves[0], lengths.to(leaves[0].device), lstm.Layer(*leaves[1:]))
        gradients = torch.autograd.grad(states, leaves, slopes.to(states))
        return [states.detach(), *gradients]

    exact = results(exact_leaves, plain=True)
    result = {}
    for name, plain in (("ours", False), ("plain", True)):
        rounded = [leaf.detach().to(where, device.DTYPES[precision]) for leaf in exact_leaves]
        pairs = zip(results(rounded, plain), exact, strict=True)
        result[name] = max(
            float((mine.double().cpu() - theirs).abs().max() / theirs.abs().max())
            for mine, theirs in pairs
        )
    return result


def same_windows(target: str) -> bool:
    """Whether the kernel finds the windows that plain PyTorch finds, ties included."""
    where = device.prepare(target, 1)
    generator = torch.Generator().manual_seed(0)
    table = torch.randint(-2, 3, (2, 50, 3, 100), generator=generator).float().to(where)
    indices = torch.randint(50, (2, 8, 60), generator=generator).to(where)
    lengths = torch.randint(3, 61, (2, 8), generator=generator).to(where)
    kernels = cnn.kernels() if table.is_cuda else None
    find = cnn.window_argmax if kernels is None else kernels.window_argmax
    expected = cnn.window_argmax(table, indices, lengths, 3)
    return torch.equal(find(table, indices, lengths, 3), expected)
