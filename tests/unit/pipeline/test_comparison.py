"""The logits that the documents' part is measured from are those of the tables, or refused."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
from helpers import ROOT, refused, write_tokens

from lottery.config import params
from lottery.config.grid import Run
from lottery.pipeline import comparison
from lottery.storage import logits, paths

DOCUMENTS = 90


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A winning ticket of two seeds and two levels, whose dense network is always right."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "claims.yaml", paths.CLAIMS)
    settings = params.load(ROOT / "profiles" / "smoke.yaml")
    ticket = Run(settings, "rotten_tomatoes", "cnn", "winning_ticket")
    write_tokens(ticket.tokens, documents=DOCUMENTS)
    rows = [(seed, level, 0.5 * level) for seed in (0, 1) for level in (0, 1)]
    table = pd.DataFrame(rows, columns=["seed", "level", "sparsity"]).assign(arm=ticket.arm)
    ticket.tables_folder.mkdir(parents=True)
    table.to_csv(ticket.tables_folder / "levels.csv", index=False)
    for seed in (0, 1):
        write_logits(ticket, seed, networks=2, documents=DOCUMENTS)
    return ticket


def write_logits(run: Run, seed: int, networks: int, documents: int) -> None:
    """Right for class 1 where positive; the last network is wrong about ``seed + 1`` documents."""
    values = np.full((networks, documents, 1), -1, np.float32)
    values[:, np.arange(documents) % 2 == 1] = 1
    values[-1, : seed + 1] *= -1
    file = logits.of_strategy(run.logits_folder, seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    safetensors.numpy.save_file({"test": values}, file)


def compare(run: Run) -> pd.DataFrame:
    comparison.compare(run, lambda seed: logits.of_strategy(run.logits_folder, seed))
    return pd.read_csv(paths.documents(run.name))


def test_the_effect_is_that_of_the_documents(run: Run) -> None:
    table = compare(run)
    assert set(table.against) == {"dense"}
    pruned = table[table.levels == 1]
    assert len(pruned)
    assert pruned.effect.to_numpy() == pytest.approx(-100 * 1.5 / DOCUMENTS)


@pytest.mark.parametrize(("networks", "documents"), [(3, DOCUMENTS), (1, DOCUMENTS), (2, 89)])
def test_logits_of_other_networks_or_documents(run: Run, networks: int, documents: int) -> None:
    write_logits(run, 1, networks, documents)
    refused(lambda: compare(run), "seed-1.safetensors: has", "run 'dvc repro'")
