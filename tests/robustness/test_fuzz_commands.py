"""No command line ends in a traceback, or writes a file before its arguments are right."""

import importlib
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

CASES = [200, pytest.param(2_000, marks=pytest.mark.slow)]
COMMANDS = {
    "stages.download": 1,
    "stages.check": 0,
    "stages.check_corpus": 1,
    "stages.tokenize": 1,
    "stages.train": 2,
    "stages.prune": 3,
    "stages.evaluate": 3,
    "stages.branch": 3,
    "stages.connectivity": 2,
    "stages.vocabulary": 2,
    "stages.transfer": 4,
    "stages.select": 0,
    "stages.plot": 0,
    "tools.check": 1,
    "tools.profile": 1,
    "tools.summary": 0,
}
"""Modules that are run by name, and how many arguments each takes."""
IN_THE_GRID = ("reuters_r8", "cnn", "winning_ticket")
ODD = [
    *("", " ", "-", "--", "---", "-1", "-x", "--corpus", "--corpus=x", "--deb", "--debug=1", "@x"),
    *(
        "\n",
        "a\nb",
        "a\r\nb",
        "\x1b[2J",
        "\u2028",
        "\x85",
        "\udcff",
        "é",
        "名",
        "🎟",
        "%s",
        "{}",
        "%(prog)s",
    ),
    *("reuters_r", "CNN", "winning ticket", "../../etc", "/", "x" * 300, "y" * 100_000),
]
ARGUMENT = st.text(max_size=8) | st.sampled_from(ODD) | st.sampled_from(IN_THE_GRID)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a params.yaml alone, for the working directory."""
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT)
    handler = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, handler)


def refused(code: object, errors: str) -> None:
    """Exit status other than 0; usage, if any, and one line, all of which a terminal can show."""
    assert code not in (None, 0)
    lines = [line for line in errors.splitlines() if not line.startswith(("usage: ", " "))]
    assert len(lines) == 1, errors
    assert lines[0].isprintable(), lines
    assert "error: " in lines[0]
    assert "Traceback" not in errors


def meant(command: str, arguments: list[str]) -> bool:
    """Whether a command line may be right, or asks for help or a traceback."""
    flags = {argument.split("=")[0] for argument in arguments if argument.startswith("-")}
    if any(name.startswith(flag) for flag in flags for name in ("-h", "--help", "--debug")):
        return True
    expected = list(IN_THE_GRID[: COMMANDS[command]])
    right = arguments == expected and command.startswith("stages.")
    # Its one argument has a default.
    return (right and bool(arguments)) or (command == "tools.check" and arguments == [])


@pytest.mark.parametrize("cases", CASES)
def test_arguments_that_are_not_meant(
    cases: int, empty: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in COMMANDS:
        importlib.import_module(command)

    @settings(max_examples=cases)
    @given(command=st.sampled_from(sorted(COMMANDS)), arguments=st.lists(ARGUMENT, max_size=5))
    def typed(command: str, arguments: list[str]) -> None:
        if meant(command, arguments):
            return
        monkeypatch.setattr(sys, "argv", [command, *arguments])
        with (
            pytest.raises(SystemExit) as stopped,
            pytest.warns(RuntimeWarning, match="sys.modules"),
        ):
            runpy.run_module(command, run_name="__main__")
        code, errors = stopped.value.code, capsys.readouterr().err
        if isinstance(code, str):
            errors, code = errors + code, 1
        refused(code, errors)
        # A stage without arguments starts, and leaves its lock.
        assert {path.name for path in empty.iterdir()} <= {"params.yaml", ".lottery"}

    typed()


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("stages.download", ["\udcff\n"]),
        ("stages.select", ["y" * 100_000]),
        ("stages.prune", ["reuters_r8", "cnn"]),
        ("tools.check", ["no\nsuch.yaml"]),
    ],
)
def test_in_a_process(empty: Path, command: str, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", command, *arguments],
        cwd=empty,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
    refused(done.returncode, done.stderr)
    assert [path.name for path in empty.iterdir()] == ["params.yaml"]
