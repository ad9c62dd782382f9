"""Tickets of one of a user's own files trained on another, from YAML alone, up to the verdicts."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from helpers import ROOT
from own_corpus import Project

from lottery.experiment import failures
from lottery.experiment.failures import Failure

pytestmark = pytest.mark.filterwarnings("ignore:.*found in sys.modules")
TRANSFERRED = ("transferred", "transferred_mask", "transferred_late")
CONTROLS = ("shuffled_mask", "random_mask_reinit")
LEVELS = (1, 2)


def write(name: str, classes: int, words: range, documents: int = 120) -> None:
    """Documents of these words, of which the first says the class."""
    random = np.random.default_rng(len(name))
    labels = np.arange(documents) % classes
    rest = random.choice(np.array(words), (documents, 8))
    texts = [
        f"class{label} " + " ".join(f"word{n}" for n in row)
        for label, row in zip(labels, rest, strict=True)
    ]
    pd.DataFrame({"review": texts, "stars": labels}).to_csv(name, index=False)


def corpora(**changes: Any) -> None:
    """Write ``params.yaml``: the corpora ``one`` and ``two``, a file each, and the pair of them."""
    document = yaml.safe_load((ROOT / "profiles" / "smoke.yaml").read_text())
    keys = {"text": "review", "label": "stars", "test_fraction": 0.3}
    document["corpora"] = {name: {"source": f"{name}.csv", **keys} for name in ("one", "two")}
    document["models"] = {"cnn": document["models"]["cnn"]}
    document["train"] = {"cnn": document["train"]["cnn"], "one-cnn": {}, "two-cnn": {}}
    document["strategies"] = ["winning_ticket"]
    document["controls"] = list(CONTROLS)
    document["branch"]["levels"] = list(LEVELS)
    document["tokens"] |= {"documents": None, "vectors": None}
    document["transfer"] |= {"pairs": [{"from": "one", "to": "two"}], "levels": list(LEVELS)}
    for section, keys in changes.items():
        document[section] |= keys
    Path("params.yaml").write_text(yaml.safe_dump(document))
    shutil.copy2(ROOT / "claims.yaml", "claims.yaml")


def run(project: Project, *stages: tuple[str, ...]) -> None:
    for name, *arguments in stages:
        project.run(f"stages.{name}", *arguments)


def train(project: Project) -> None:
    """Up to the winning tickets; tokens of the source come before those of the target."""
    for corpus in ("one", "two"):
        if corpus == "two":
            run(project, ("vocabulary", "one", "two"))
        run(project, ("download", corpus), ("tokenize", corpus), ("train", corpus, "cnn"))
        run(project, ("prune", corpus, "cnn", "winning_ticket"))


@pytest.fixture(autouse=True)
def in_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOTTERY_PROCESSES", "1")
    monkeypatch.setenv("LOTTERY_CHECKPOINTS", str(tmp_path / "checkpoints"))


def counts(arm: str) -> pd.DataFrame:
    """What remains of each tensor at the transferred levels of an arm of the target."""
    table = pd.read_csv(f"plots/tables/two-cnn-{arm}/tensors.csv").drop(columns="arm")
    return table[table.level.isin(LEVELS)].reset_index(drop=True)


def test_a_pair_of_own_files(project: Project) -> None:
    write("one.csv", 2, range(60))
    write("two.csv", 3, range(30, 90))
    corpora()
    assert project.check() == ""
    train(project)
    run(project, *(("transfer", "one", "two", "cnn", arm) for arm in TRANSFERRED))
    for corpus in ("one", "two"):
        run(project, ("evaluate", corpus, "cnn", "winning_ticket"))
        run(project, *(("branch", corpus, "cnn", control) for control in CONTROLS))
        run(project, ("compare", corpus, "cnn", "winning_ticket"))
        run(project, *(("compare_control", corpus, "cnn", control) for control in CONTROLS))
    run(project, *(("compare_transfer", "two", "cnn", arm) for arm in TRANSFERRED))
    run(project, ("select",))

    words = [Path(f"data/tokens/{name}/vocabulary.txt").read_text() for name in ("one", "two")]
    assert words[0] == words[1], "the target is read with the source's words"
    assert "word80" not in words[0]
    for arm in (*TRANSFERRED, *CONTROLS):
        pd.testing.assert_frame_equal(counts(arm), counts("winning_ticket"))

    table = pd.read_csv("plots/statistics/transfers.csv")
    assert set(table.source) == {"one"} and set(table.target) == {"two"}
    assert set(table.arm) == set(TRANSFERRED)
    others = {"dense", "winning_ticket", *CONTROLS, *TRANSFERRED[1:]}
    of_transferred = table[table.arm == "transferred"]
    assert set(of_transferred.against) == others
    assert len(of_transferred) == len(others) * len(LEVELS)
    curve = pd.read_csv("plots/curves/two-cnn.csv").set_index(["arm", "level"]).test_accuracy
    row = of_transferred[(of_transferred.against == "shuffled_mask") & (of_transferred.level == 2)]
    gain = curve["transferred", 2].mean() - curve["shuffled_mask", 2].mean()
    assert row.difference.item() == pytest.approx(gain)
    contrasts = pd.read_csv("plots/statistics/claim_contrasts.csv").set_index(["claim", "cell"])
    for claim in ("beats_shuffled", "beats_its_mask", "matches_own_ticket", "matches_dense"):
        verdicts = contrasts.verdict[f"transferred_{claim}"]
        assert (verdicts["two-cnn"] != "not tested") and (verdicts["one-cnn"] == "not tested")


def test_words_of_its_own_and_a_seed_that_failed(project: Project) -> None:
    write("one.csv", 2, range(60))
    write("two.csv", 3, range(30, 90))
    corpora(transfer={"vocabulary": "target"})
    train(project)
    shutil.rmtree(folder := Path("data/chains/one-cnn-winning_ticket/seed-1"))
    failures.write(folder, Failure(1, "the loss is not finite"))
    run(project, ("transfer", "one", "two", "cnn", "transferred"))
    words = [Path(f"data/tokens/{name}/vocabulary.txt").read_text() for name in ("one", "two")]
    assert "word80" in words[1] and words[0] != words[1]
    tables = Path("plots/tables/two-cnn-transferred")
    failed = pd.read_csv(tables / "failed.csv")
    assert failed[["seed", "reason"]].values.tolist() == [[1, "the loss is not finite"]]
    levels = pd.read_csv(tables / "levels.csv")
    assert levels[["seed", "level"]].values.tolist() == [[0, 1], [0, 2]]
    own = pd.read_csv("data/chains/two-cnn-winning_ticket/seed-0/tensors.csv")
    both = counts("transferred").merge(own, on=["level", "parameter"], suffixes=("", "_own"))
    rest = both[both.parameter != "embedding"]
    assert len(rest) and (rest.remaining == rest.remaining_own).all()
