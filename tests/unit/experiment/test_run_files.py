"""What a run leaves in its folder: nested masks once, a control's per level, a failure alone."""

from pathlib import Path

import pytest
import torch
from helpers import MakeCell, load_strategy

from lottery.experiment import failures
from lottery.experiment.replicate import Replicate
from lottery.experiment.run_files import RunFiles
from lottery.pruning.criteria import magnitude
from lottery.training.loop import Diverged


@pytest.mark.parametrize("nested", [True, False])
def test_masks_are_written_once_or_per_level(
    make_cell: MakeCell, tmp_path: Path, nested: bool
) -> None:
    replicate = Replicate(make_cell(epochs=1, epoch=0, levels=2), 0)
    dense = replicate.dense_run()
    levels = list(replicate.pruning_run(load_strategy("winning_ticket"), magnitude.score, dense))
    shapes = {name: weight.shape for name, weight in dense.init.items()}
    files = RunFiles(tmp_path / "seed-0", shapes)
    files.write_levels(levels, nested=nested)
    masks = sorted(path.name for path in files.folder.glob("pruned_at*"))
    if not nested:
        assert masks == ["pruned_at-001.safetensors", "pruned_at-002.safetensors"]
        return
    assert masks == ["pruned_at.safetensors"]
    pruned_at = files.read_pruned_at()
    for level in levels:
        weights = files.read_level(pruned_at, level.number)
        assert all(torch.equal(weights[name], level.weights[name]) for name in weights)


def test_a_run_that_diverged_leaves_its_failure_only(make_cell: MakeCell, tmp_path: Path) -> None:
    folder = tmp_path / "seed-0"
    folder.mkdir()
    plan = make_cell().plan(0, 3, 0)
    notes: list[str] = []
    with failures.recorded(folder, "a run", notes.append):
        (folder / "level-001.safetensors").write_bytes(b"of a level before")
        raise Diverged(plan, 0, "the loss of batch 1 of 6")
    assert [path.name for path in folder.iterdir()] == ["failed.json"]
    failure = failures.read(folder)
    assert failure
    assert failure.level == 3
    assert "level 3, epoch 1: the loss of batch 1 of 6 is not finite" in failure.reason
    assert notes == [f"a run: failed: {failure.reason}"]
