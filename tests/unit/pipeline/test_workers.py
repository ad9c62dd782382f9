"""Seeds side by side: the results in their order, and a clean end of all when one fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

SCRIPT = """
import os, signal, sys, time
from pathlib import Path
from types import SimpleNamespace
from lottery.errors import LotteryError
from stages import _run, _seeds

def square(params, factor, seed):
    time.sleep(0.3 / (seed + 1))  # the first ends last
    return factor * seed**2

def fail(params, folder, seed):
    Path(folder, f"began-{seed}").touch()
    if seed == 2:
        raise LotteryError("seed 2 is unlucky")
    time.sleep(60)
    Path(folder, f"ended-{seed}").touch()

def die(params, folder, seed):
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    params = SimpleNamespace(seeds=(0, 1, 2, 3), threads=1)
    try:
        print(_seeds.each(globals()[sys.argv[1]], params, *map(eval, sys.argv[2:])))
    except LotteryError as error:
        print("error:", error)
"""


def run(tmp_path: Path, *arguments: str, processes: str) -> str:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
            "LOTTERY_PROCESSES": processes,
        },
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("processes", ["1", "2", "9"])
def test_results_come_in_the_order_of_the_seeds(tmp_path: Path, processes: str) -> None:
    assert run(tmp_path, "square", "10", processes=processes) == "[0, 10, 40, 90]"


def test_one_error_ends_all(tmp_path: Path) -> None:
    output = run(tmp_path, "fail", repr(str(tmp_path)), processes="4")
    assert output == "error: seed 2 is unlucky"
    assert (tmp_path / "began-2").exists()
    assert not list(tmp_path.glob("ended-*"))


def test_a_killed_process_is_named(tmp_path: Path) -> None:
    output = run(tmp_path, "die", repr(str(tmp_path)), processes="2")
    assert "its process was stopped (exit code -9)" in output
    assert "LOTTERY_PROCESSES=1" in output


@pytest.mark.parametrize("processes", ["0", "many", "-1", ""])
def test_a_number_that_is_none(tmp_path: Path, processes: str) -> None:
    assert "LOTTERY_PROCESSES" in run(tmp_path, "square", "1", processes=processes)
