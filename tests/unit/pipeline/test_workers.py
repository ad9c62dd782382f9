"""Seeds side by side: the results in their order, and a clean end of all when one fails."""

import contextlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers import ROOT

from lottery.config import plugins
from lottery.pipeline import jobs, workers
from lottery.pipeline.processes import Call, Processes, Result

SCRIPT = """
import os, sys
from pathlib import Path
sys.path.insert(0, os.environ["LIBRARY"])  # as a stage does: the forkserver must be told by itself
from types import SimpleNamespace
from lottery.errors import LotteryError
from lottery.pipeline import workers

if __name__ == "__main__":
    job, folder, factor = sys.argv[1:]
    params = SimpleNamespace(seeds=(0, 1, 2, 3), threads=1)
    run = SimpleNamespace(params=params, cell="corpus-model", arm="", factor=int(factor))
    try:
        results = workers.each_seed(job, run, Path(folder), package="jobs")
        print(len(set(results) - {os.getpid()}) if job == "process" else results)
    except LotteryError as error:
        print("error:", error)
"""


def run(tmp_path: Path, job: str, *, processes: str, factor: int = 1, **environment: str) -> str:
    """What a program prints that runs ``tests/jobs/<job>.py`` for four seeds."""
    done = completed(tmp_path, job, processes=processes, factor=factor, **environment)
    return done.stdout.strip()


def completed(
    tmp_path: Path, job: str, *, processes: str, factor: int = 1, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """The same program, with what it printed on stderr."""
    command, variables = program(tmp_path, job, processes, factor)
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
        env={**variables, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done


def program(
    tmp_path: Path, job: str, processes: str, factor: int = 1
) -> tuple[list[str], dict[str, str]]:
    """Its command and its environment."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    return [sys.executable, str(script), job, str(tmp_path), str(factor)], {
        **os.environ,
        "LIBRARY": str(ROOT / "src"),
        "PYTHONPATH": str(ROOT / "tests"),
        "LOTTERY_PROCESSES": processes,
    }


@pytest.mark.parametrize("processes", ["1", "2", "9"])
def test_results_come_in_the_order_of_the_seeds(tmp_path: Path, processes: str) -> None:
    assert run(tmp_path, "square", factor=10, processes=processes) == "[0, 10, 40, 90]"
    assert sorted(path.name for path in tmp_path.glob("seed-*")) == [f"seed-{n}" for n in range(4)]


@pytest.mark.parametrize(("processes", "others"), [("1", 0), ("2", 2), ("9", 4)])
def test_as_many_processes_as_the_variable_says(
    tmp_path: Path, processes: str, others: int
) -> None:
    """A single one is the stage's own; none takes up a second seed while one has none."""
    assert run(tmp_path, "process", processes=processes) == str(others)


@pytest.mark.skipif(
    sys.platform == "win32", reason="Windows cannot fork: each worker imports for itself"
)
def test_slow_imports_happen_once(tmp_path: Path) -> None:
    """Else every worker would import torch by itself, for seconds."""
    assert run(tmp_path, "preloaded", processes="2") == "[True, True, True, True]"


@pytest.mark.skipif(
    not torch.set_flush_denormal(False), reason="this processor cannot flush subnormal numbers"
)
@pytest.mark.parametrize("processes", ["1", "2"])
def test_every_thread_flushes_subnormal_numbers(tmp_path: Path, processes: str) -> None:
    """In the stage's own process and in its workers: PyTorch's threads and Numba's."""
    output = run(tmp_path, "subnormal", processes=processes, NUMBA_NUM_THREADS="2")
    flushed = {"torch": True, "matrices": True, "numba": [True, True]}
    assert output == str([flushed] * 4)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_log_has_a_line_per_seed(tmp_path: Path, processes: str) -> None:
    """No bars, which a log would keep every state of, and no escape sequences."""
    lines = completed(tmp_path, "square", processes=processes).stderr.splitlines()
    assert len(lines) == 4
    assert {line.split(": ")[0] for line in lines} == {"square corpus-model"}
    assert {line.split(": ")[1].split()[1] for line in lines} == {"0", "1", "2", "3"}
    assert [re.findall(r"\d/4 seeds done", line) for line in lines] == [
        [f"{count}/4 seeds done"] for count in range(1, 5)
    ]
    assert not any("\x1b" in line or "\r" in line for line in lines)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_terminal_has_one_line_for_all_seeds(tmp_path: Path, processes: str) -> None:
    """It is redrawn, fits the width, and stays there at the end."""
    output = on_a_terminal(tmp_path, "square", processes, columns=80)
    states = [state for state in re.split(r"[\r\n]+|\x1b\[2K", output) if "seeds" in state]
    assert max(map(len, states)) <= 80
    assert {state.split(" ")[1] for state in states} == {"corpus-model"}
    assert "4/4 seeds" in states[-1]
    assert output.count("\n") - output.count("[0, 1, 4, 9]") == 1


def on_a_terminal(tmp_path: Path, job: str, processes: str, columns: int) -> str:
    """What the program prints on a terminal with so many columns, without colors."""
    import pty

    command, variables = program(tmp_path, job, processes)
    ours, theirs = pty.openpty()
    output = b""
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**variables, "TERM": "xterm", "COLUMNS": str(columns)},
    ) as process:
        os.close(theirs)
        with contextlib.suppress(OSError):  # how Linux reports the end of a terminal
            while piece := os.read(ours, 4096):
                output += piece
        assert process.wait(50) == 0
    os.close(ours)
    return re.sub(r"\x1b\[[\d;?]*[a-zA-JL-Z]", "", output.decode())


def test_one_error_ends_all(tmp_path: Path) -> None:
    output = run(tmp_path, "fail", processes="4")
    assert output == "error: seed 2 is unlucky"
    assert (tmp_path / "began-2").exists()
    assert not list(tmp_path.glob("ended-*"))


@pytest.mark.parametrize("processes", ["1", "2"])
def test_an_error_of_any_kind_is_one_line(tmp_path: Path, processes: str) -> None:
    output = run(tmp_path, "diverge", processes=processes)
    assert output.startswith("error: level 0, epoch 1: the loss is not finite (seed 0, ")


def test_a_killed_process_is_named(tmp_path: Path) -> None:
    output = run(tmp_path, "die", processes="2")
    assert "its process was killed (exit code -9)" in output
    assert "LOTTERY_PROCESSES=1" in output


@pytest.mark.parametrize("processes", ["0", "many", "-1", ""])
def test_what_is_not_a_positive_integer_is_refused(tmp_path: Path, processes: str) -> None:
    output = run(tmp_path, "square", processes=processes)
    assert output == (f"error: LOTTERY_PROCESSES: expected a positive integer, got {processes!r}")


@pytest.mark.parametrize(
    ("cores", "threads", "seeds", "expected"),
    [
        # A single core: one after the other.
        (1, 1, 3, 1),
        # Of one thread, fewer than twice as many seeds as cores all run at once.
        (2, 1, 1, 1),
        (2, 1, 3, 3),
        (2, 1, 4, 2),
        (2, 2, 3, 1),
        (8, 2, 3, 3),
        (8, 2, 9, 4),
        (2, 16, 3, 1),
    ],
)
def test_processes_follow_the_cores(
    monkeypatch: pytest.MonkeyPatch, cores: int, threads: int, seeds: int, expected: int
) -> None:
    monkeypatch.delenv("LOTTERY_PROCESSES", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)), raising=False)
    assert workers.processes(threads, seeds) == expected


@pytest.mark.parametrize("stage", sorted({*plugins.names(jobs.__name__)} - {"export"}))
def test_every_job_can_be_called(stage: str) -> None:
    """By its stage's name, with what a worker passes. Export has one job for all seeds."""
    run_seed = plugins.load(jobs.__name__, stage, "job").run_seed
    assert list(inspect.signature(run_seed).parameters) == ["run", "folder", "seed", "reporter"]
    assert (ROOT / "stages" / f"{stage}.py").exists()


def test_a_call_has_the_variables_that_it_names() -> None:
    """Also in a process that has had another call: on a cluster each unit has its own store."""
    with Processes(1, "os") as pool:
        for value in ("one", "two"):
            environment = {"LOTTERY_OF_A_TEST": value}
            pool.start("call", Call("os", "getenv", ("LOTTERY_OF_A_TEST",), "", environment))
            assert [report for _, report in pool.reports()] == [Result(value)]
