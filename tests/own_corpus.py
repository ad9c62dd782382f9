"""A project with one corpus, a file of the user's own, for tests of what its stages say."""

import runpy
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from helpers import ROOT


class Project:
    """A folder with a ``params.yaml`` of one corpus, ``own``; the working directory."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def corpus(self, source: str, tokens: dict[str, Any] | None = None, **keys: Any) -> None:
        """Write ``params.yaml``: ``keys`` of the corpus, and ``tokens`` of that section."""
        document = yaml.safe_load((ROOT / "profiles" / "smoke.yaml").read_text())
        columns: dict[str, Any] = {"source": source, "text": "review", "label": "stars"}
        if "split" not in keys:
            columns["test_fraction"] = 0.3
        document["corpora"] = {"own": {**columns, **keys}}
        document["models"] = {"cnn": document["models"]["cnn"]}
        settings = {"documents": None, "vectors": None, **(tokens or {})}
        document["tokens"].update(settings)
        document["train"] = {"cnn": document["train"]["cnn"], "own-cnn": {}}
        Path("params.yaml").write_text(yaml.safe_dump(document))

    def run(self, module: str, *arguments: str) -> str:
        """What ``python -m module`` prints; its last line begins with ``error:`` if it failed."""
        self._monkeypatch.setattr(sys, "argv", [module, *arguments])
        try:
            runpy.run_module(module, run_name="__main__")
        except SystemExit as end:
            self._capsys.readouterr()
            line = str(end.code)
            assert line.startswith("error: "), line
            assert "\n" not in line
            return line
        return self._capsys.readouterr().out

    def download(self) -> str:
        return self.run("stages.download", "own")

    def tokenize(self) -> str:
        return self.run("stages.tokenize", "own")

    def check(self) -> str:
        return self.run("tools.check")


def frame(rows: int = 20) -> pd.DataFrame:
    """Distinct reviews of two classes."""
    return pd.DataFrame(
        {
            "review": [f"film {number}" for number in range(rows)],
            "stars": [("x", "y")[number % 2] for number in range(rows)],
        }
    )
