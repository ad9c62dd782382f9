"""The runtime imports NumPy, Numba, safetensors and regex only; see also pipeline/test_install."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import ticket_networks
from helpers import ROOT

from lottery.tickets import Ticket

ALLOWED = ("lottery", "numpy", "numba", "llvmlite", "safetensors", "regex")
BLOCK = f"""
import sys
from importlib.abc import MetaPathFinder

class OnlyThese(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in {ALLOWED!r}:
            raise ModuleNotFoundError(f"{{name}} is not installed here", name=name)

sys.meta_path.insert(0, OnlyThese())
"""
PREDICT = """
import json, sys
from lottery.tickets import Ticket
rows = []
for compiled in (False, True):
    for path in sys.argv[1:]:
        ticket = Ticket.load(path, compiled)
        rows += ticket.probabilities(["w1 w2 w3", "中文 w4"]).tolist()
print(json.dumps(rows))
"""


def predictions_in_an_empty_environment(source: Path, paths: list[Path]) -> list[list[float]]:
    """What a Python without any other package predicts."""
    done = subprocess.run(
        [sys.executable, "-c", BLOCK + PREDICT, *map(str, paths)],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows: list[list[float]] = json.loads(done.stdout)
    return rows


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    paths = []
    for model in ("cnn", "lstm"):
        for tokenizer in ("basic_english", "unicode", "character"):
            network = ticket_networks.make(model).network
            object.__setattr__(network, "tokenizer", tokenizer)
            paths.append(tmp_path / f"{model}-{tokenizer}.ticket")
            paths[-1].write_bytes(ticket_networks.to_bytes(network))
    return paths


def expected(paths: list[Path]) -> list[list[float]]:
    rows = []
    for compiled in (False, True):
        for path in paths:
            rows += Ticket.load(path, compiled).probabilities(["w1 w2 w3", "中文 w4"]).tolist()
    return rows


def test_nothing_else_is_imported(paths: list[Path]) -> None:
    assert predictions_in_an_empty_environment(ROOT / "src", paths) == expected(paths)


def test_the_block_blocks() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCK + "import torch"], capture_output=True, text=True, check=False
    )
    assert "torch is not installed here" in done.stderr


def test_a_few_lines_need_no_numba(paths: list[Path]) -> None:
    """Importing it takes longer than the first predictions may."""
    code = (
        "import sys\nfrom lottery.tickets import Ticket\n"
        f"Ticket.load({str(paths[0])!r}).predict(['w1'])\n"
        "print([name for name in ('numba', 'regex', 'lottery.tickets.kernels') "
        "if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
