"""Matrix products are PyTorch's, for every dtype and layout."""

import pytest
import torch

from lottery.kernels import matmul


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_products(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matmul, "_DEPTH", 7)
    generator = torch.Generator().manual_seed(0)
    left, right, weight = (
        torch.randn(size, generator=generator).to(dtype) for size in ((30, 5), (30, 4), (6, 5))
    )
    bound = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.1}[dtype]
    for strided in (left, left.T.contiguous().T):
        for values in (weight, matmul.packed(weight, 30)):
            torch.testing.assert_close(
                matmul.linear(strided, values), strided @ weight.T, atol=bound, rtol=bound
            )
        torch.testing.assert_close(
            matmul.transposed(strided, right), strided.T @ right, atol=bound, rtol=bound
        )
