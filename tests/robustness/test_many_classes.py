"""A corpus of 1,000 classes, from the user's file to the tables of both networks."""

import csv
import runpy
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml
from helpers import MODELS, ROOT

CLASSES = 1000
OPTIONS = {"cnn": {"filters": 150, "widths": [1]}, "lstm": {"hidden": 16, "layers": 1}}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder with a corpus whose every class has a word of its own, and its parameters."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOTTERY_PROCESSES", "1")
    with Path("own.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["review", "stars"])
        for number in range(5 * CLASSES):
            film, label = divmod(number, CLASSES)
            rows.writerow([f"word{label} film{film}", f"class {label}"])
    document = yaml.safe_load((ROOT / "profiles" / "smoke.yaml").read_text())
    columns = {"source": "own.csv", "text": "review", "label": "stars", "test_fraction": 0.2}
    document |= {"corpora": {"own": columns}, "strategies": ["winning_ticket"], "seeds": [0]}
    document["tokens"] |= {"documents": None, "vectors": None, "validation_fraction": 0.25}
    document["prune"]["levels"] = 1
    document["train"] = {name: document["train"][name] for name in MODELS}
    for name, options in OPTIONS.items():
        document["models"][name] |= {"dim": 30, "dropout": 0, "options": options}
        document["models"][name] |= {"embedding": "random", "embedding_std": 1.0}
        document["train"][name] |= {"epochs": 3, "lr": 0.03}
        document["train"][f"own-{name}"] = {}
    Path("params.yaml").write_text(yaml.safe_dump(document))
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
def test_a_thousand_classes_are_learned(project: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A label in too few bits would be another class's, or none."""

    def run(stage: str, *arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", [stage, *arguments])
        runpy.run_module(f"stages.{stage}", run_name="__main__")

    run("download", "own")
    run("tokenize", "own")
    for name in MODELS:
        run("train", "own", name)
        run("prune", "own", name, "winning_ticket")
        run("evaluate", "own", name, "winning_ticket")
        folder = Path("plots/tables") / f"own-{name}-winning_ticket"
        levels = pd.read_csv(folder / "levels.csv").set_index("level")
        # With labels of 8 bits a quarter of the classes would be left to be right about.
        assert levels.test_accuracy.min() > 50
        classes = pd.read_csv(folder / "classes.csv")
        assert list(classes[classes.level == 1]["class"]) == list(range(CLASSES))
