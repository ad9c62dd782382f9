"""A user's corpus of 98 % ham and 2 % spam, through all stages, to the summary and the page."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from helpers import ROOT
from own_corpus import Project

pytestmark = pytest.mark.filterwarnings("ignore:.*found in sys.modules")
STAGES = (
    ("download", "own"),
    ("tokenize", "own"),
    ("train", "own", "cnn"),
    ("prune", "own", "cnn", "winning_ticket"),
    ("evaluate", "own", "cnn", "winning_ticket"),
    ("branch", "own", "cnn", "reinit_same_mask"),
    ("connectivity", "own", "cnn"),
    ("compare", "own", "cnn", "winning_ticket"),
    ("compare_control", "own", "cnn", "reinit_same_mask"),
    ("select",),
    ("plot",),
)


def write_spam(path: Path, documents: int = 600) -> None:
    """2 % of the messages are spam, and no word tells them from ham."""
    random = np.random.default_rng(0)
    words = [f"word{number}" for number in range(60)]
    texts = [" ".join(random.choice(words, 12)) for _ in range(documents)]
    kinds = ["spam" if number % 50 == 0 else "ham" for number in range(documents)]
    pd.DataFrame({"review": texts, "stars": kinds}).to_csv(path, index=False)


def run_stages(project: Project) -> str:
    """All stages on ``own.csv``, pruned to a few weights; what the summary prints."""
    project.corpus("own.csv")
    document = yaml.safe_load(Path("params.yaml").read_text())
    document["strategies"] = ["winning_ticket"]
    document["prune"] |= {"rate": 0.9, "levels": 5}
    Path("params.yaml").write_text(yaml.safe_dump(document))
    shutil.copy2(ROOT / "claims.yaml", "claims.yaml")
    for name, *arguments in STAGES:
        project.run(f"stages.{name}", *arguments)
    return project.run("tools.summary")


@pytest.fixture(autouse=True)
def in_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOTTERY_PROCESSES", "1")
    monkeypatch.setenv("LOTTERY_CHECKPOINTS", str(tmp_path / "checkpoints"))


def test_a_network_that_finds_no_spam_has_no_ticket(project: Project) -> None:
    """Answering ham each time is right for 98 %, with one weight as with all of them."""
    write_spam(Path("own.csv"))
    summary = run_stages(project)
    curves = pd.read_csv("plots/curves/own-cnn.csv")
    pruned = curves[curves.level == 5]
    assert pruned.sparsity.min() > 0.99
    assert (pruned.test_accuracy > 97).all(), "the most frequent class, and nothing else"
    assert not curves.chosen.any(), "a ticket of next to nothing"

    rows = [" ".join(line.split()) for line in summary.splitlines()]
    assert "own-cnn most frequent class 97.8" in rows
    assert "own-cnn winning ticket no ticket" in rows
    (note,) = (row for row in rows if row.startswith("note: own-cnn: no ticket: "))
    assert "most frequent class" in note
    (unequal,) = (row for row in rows if "classes are unequal" in row)
    assert "balanced accuracy is 50.0 %" in unequal

    metrics = json.loads(Path("metrics/own-cnn.json").read_text())
    assert metrics["majority"] == metrics["dense"]
    assert note.endswith(metrics["no_ticket"])
    contrasts = pd.read_csv("plots/statistics/contrasts.csv")
    matches = contrasts[contrasts.test == "matching"]
    assert len(matches)
    assert set(matches.finding) == {"not tested"}
    assert set(matches.reason) == {metrics["no_ticket"]}

    page = Path("plots/report.html").read_text()
    assert f"No ticket: {metrics['no_ticket']}." in page
    assert "a balanced accuracy of 50.00 %" in page
    assert "the ticket chosen on validation:" not in page
