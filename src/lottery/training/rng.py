"""Randomness without global state: each stream is a pure function of its purpose and indices."""

import zlib

import numpy as np
import torch


def stream(seed: int, purpose: str, *indices: int) -> int:
    """A 63-bit seed for the stream ``(seed, purpose, indices...)``.

    Distinct purposes and indices give independent streams (NumPy's SeedSequence), so adding a use
    of randomness never shifts another one.
    """
    entropy = [seed, zlib.crc32(purpose.encode()), *indices]
    state = np.random.SeedSequence(entropy).generate_state(1, np.uint64)
    return int(state[0]) >> 1


def torch_generator(
    seed: int, purpose: str, *indices: int, device: torch.device | str = "cpu"
) -> torch.Generator:
    """A torch generator on ``device`` at the start of the stream."""
    return torch.Generator(device).manual_seed(stream(seed, purpose, *indices))


def numpy_generator(seed: int, purpose: str, *indices: int) -> np.random.Generator:
    """A NumPy generator at the start of the stream."""
    return np.random.Generator(np.random.PCG64(stream(seed, purpose, *indices)))
