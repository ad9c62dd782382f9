"""A pair of a user's own files in a real DVC repository, and a kill in the middle of it."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from helpers import ROOT, Repository, make_repository, ran

from lottery.config import params
from lottery.pipeline import stage_order

pytestmark = pytest.mark.slow
ARMS = ("transferred", "transferred_late")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The corpora ``one`` and ``two``, a copy of it, and the pair of them."""
    repository = make_repository(tmp_path_factory.mktemp("pair") / "project")
    labels = [number % 2 for number in range(120)]
    texts = [f"class{label} word{n} word{n % 7}" for n, label in enumerate(labels)]
    for name in ("one", "two"):
        frame = pd.DataFrame({"review": texts, "stars": labels})
        frame.to_csv(repository.path / f"{name}.csv", index=False)
    document = yaml.safe_load((repository.path / "params.yaml").read_text())
    keys = {"text": "review", "label": "stars", "test_fraction": 0.3}
    document["corpora"] = {name: {"source": f"{name}.csv", **keys} for name in ("one", "two")}
    document["models"] = {"cnn": document["models"]["cnn"]}
    document["train"] = {"cnn": document["train"]["cnn"], "one-cnn": {}, "two-cnn": {}}
    document["strategies"] = ["winning_ticket"]
    document["seeds"] = [0]
    document["tokens"] |= {"documents": None, "vectors": None}
    document["transfer"] |= {"pairs": [{"from": "one", "to": "two"}], "levels": [1, 2]}
    document["transfer"]["arms"] = list(ARMS)
    (repository.path / "params.yaml").write_text(yaml.safe_dump(document))
    repository.commit("a pair")
    return repository


def outputs(folder: Path) -> dict[str, bytes]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_pair_in_dvc(repository: Repository, tmp_path: Path) -> None:
    settings = params.load(repository.path / "params.yaml")
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    planned = ran(repository.run("dvc", "repro", "--dry", "--force"))
    assert stage_order.order(settings, pipeline) == planned

    stages = repository.repro("compare_transfer")
    for earlier, later in (
        ("tokenize@one", "vocabulary@pair0"),
        ("vocabulary@pair0", "tokenize@two"),
    ):
        assert stages.index(earlier) < stages.index(later)
    assert {f"transfer@pair0-cnn-{arm}" for arm in ARMS} <= set(stages)
    assert repository.repro("compare_transfer") == []

    ticket = outputs(repository.path / "data/chains/two-cnn-winning_ticket/seed-0")
    trained = outputs(repository.path / "data/branches/two-cnn-transferred/seed-0")
    for name in ("level-001.safetensors", "level-002.safetensors"):
        assert trained[name] == ticket[name], "a copy gives the winning ticket, byte for byte"

    # Killed once a level is done, the stage resumes and ends with the same bytes.
    late = repository.path / "data/branches/two-cnn-transferred_late"
    before = outputs(late)
    shutil.rmtree(late)
    environment = {**repository.environment(), "LOTTERY_CHECKPOINTS": str(tmp_path)}
    environment["LOTTERY_CHECKPOINT_SECONDS"] = "0"
    command = [sys.executable, "-m", "stages.transfer", "one", "two", "cnn", "transferred_late"]
    process = subprocess.Popen(command, cwd=repository.path, env=environment)
    while process.poll() is None and not list(tmp_path.rglob("level-001.*.safetensors")):
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
    assert not late.exists()
    output = repository.run(
        *("dvc", "repro", "--force", "--no-run-cache", "-s", "transfer@pair0-cnn-transferred_late"),
        LOTTERY_CHECKPOINTS=str(tmp_path),
    )
    assert "resumed from" in output
    assert outputs(late) == before

    # Another text of the source is another vocabulary, so the target is read again.
    file = repository.path / "one.csv"
    file.write_text(file.read_text().replace("word3", "another"))
    assert "tokenize@two" in repository.repro("tokenize@two")
    words = [
        (repository.path / f"data/tokens/{name}/vocabulary.txt").read_text()
        for name in ("one", "two")
    ]
    assert words[0] == words[1] and "another" in words[0]
    report = json.loads((repository.path / "data/corpora/two.json").read_text())
    assert report["vocabulary_of"] == "one"
    assert report["splits"]["test"]["in_vocabulary"] < 1


def test_no_pairs_cost_nothing(repository: Repository) -> None:
    text = (repository.path / "params.yaml").read_text()
    document = yaml.safe_load(text)
    document["transfer"]["pairs"] = []
    (repository.path / "params.yaml").write_text(yaml.safe_dump(document))
    planned = ran(repository.run("dvc", "repro", "--dry", "--force"))
    (repository.path / "params.yaml").write_text(text)
    assert not [name for name in planned if "transfer" in name or name.startswith("vocabulary")]
