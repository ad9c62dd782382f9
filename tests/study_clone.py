"""A repository that ran one cell, for the tests of studies."""

import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import yaml
from helpers import ROOT

from lottery.config import params
from lottery.pipeline import stage_order

CORPUS, MODEL = "reuters_r8", "cnn"
CELL = f"{CORPUS}-{MODEL}"
ARMS = ("strategies", "controls")


class Clone:
    """A repository that ran one cell, whose tables are the committed ones."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in (
            "claims.yaml",
            "dvc.yaml",
            f"data/raw/{CORPUS}.json",
            f"data/corpora/{CORPUS}.json",
        ):
            self._copy(name)
        for path in sorted((ROOT / "plots").glob(f"*/{CORPUS}-*")):
            if path.parent.name in ("tables", "documents"):
                self._copy(str(path.relative_to(ROOT)))
        table = pd.read_csv(root / f"plots/tables/{CELL}-winning_ticket/levels.csv")
        document = yaml.safe_load((ROOT / "params.yaml").read_text())
        document["seeds"] = sorted(table.seed.unique().tolist())
        document["corpora"] = {CORPUS: document["corpora"][CORPUS]}
        document["models"] = {MODEL: document["models"][MODEL]}
        document["train"] = {name: document["train"][name] for name in (MODEL, CELL)}
        for kind in ARMS:
            arms = [arm for arm in document[kind] if self.tables(arm).is_dir()]
            assert arms
            document[kind] = arms
        self.document = document
        self.write_params()
        self.write_lock()
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "a study"]):
            identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
            subprocess.run(["git", *identity, *command], cwd=root, check=True)

    def _copy(self, name: str) -> None:
        source, target = ROOT / name, self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)

    def tables(self, arm: str) -> Path:
        return self.root / "plots" / "tables" / f"{CELL}-{arm}"

    def write_params(self) -> None:
        (self.root / "params.yaml").write_text(yaml.safe_dump(self.document))

    def write_lock(self, without: tuple[str, ...] = ()) -> None:
        """As if DVC had run every stage, but for those with one of the names in ``without``."""
        settings = params.load(self.root / "params.yaml")
        stages = yaml.safe_load((self.root / "dvc.yaml").read_text())["stages"]
        recorded = {"params.yaml": {key: self.document[key] for key in ("seeds", "prune")}}
        names = [*stage_order.order(settings, stages), "train@another-cell"]
        lock = {
            name: {"cmd": f"python -m stages.{name}", "params": recorded}
            for name in names
            if not any(part in name for part in without)
        }
        (self.root / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": lock}))
