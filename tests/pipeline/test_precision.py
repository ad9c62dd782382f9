"""``precision``: what a stage sets for a GPU, and that ``tf32`` is float32 on a CPU."""

import pytest
import torch
from helpers import Repository, RunStage

CELL = "rotten_tomatoes-lstm"


@pytest.fixture(autouse=True)
def on_a_cpu(project: Repository) -> None:
    project.edit("params.yaml", "device: auto", "device: cpu")


def train(project: Repository, stage: RunStage) -> dict[str, bytes]:
    """The weights that the stage writes, by file."""
    assert "stopped" not in stage("train", *CELL.split("-"))
    folder = project.path / "data" / "dense" / CELL
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.safe*")}


def allowed() -> set[bool]:
    """Whether cuDNN's convolutions and LSTM, and cuBLAS, may compute in TF32."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    by_operation = [
        operation.fp32_precision == "tf32" for operation in (cudnn.conv, cudnn.rnn, matmul)
    ]
    return {*by_operation, cudnn.allow_tf32, matmul.allow_tf32}


def test_float32_is_float32_on_a_gpu_and_tf32_on_a_cpu(
    project: Repository, stage: RunStage
) -> None:
    torch.backends.cudnn.allow_tf32 = True  # PyTorch's default
    expected = train(project, stage)
    assert allowed() == {False}
    assert len(expected) == 2 * 3  # seeds; init, rewind, final
    project.edit("params.yaml", "precision: float32", "precision: tf32")
    assert train(project, stage) == expected
    assert allowed() == {True}
