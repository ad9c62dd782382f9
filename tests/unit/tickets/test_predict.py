"""``python -m lottery.tickets.predict``, as a user runs it."""

import io
import json
import os
import runpy
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import ticket_networks
from helpers import ROOT

from lottery.tickets import Ticket, inputs

pytestmark = pytest.mark.filterwarnings("ignore:.*found in sys.modules")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ticket") / "small.ticket"
    path.write_bytes(ticket_networks.to_bytes(ticket_networks.make("cnn").network))
    return path


class Command:
    """Runs the command in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capsys, self.monkeypatch = capsys, monkeypatch

    def run(self, *arguments: object, stdin: bytes = b"") -> tuple[list[str], str]:
        """The lines that it prints, and its error; empty if it ends well."""
        stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin)))  # type: ignore[type-var]
        self.monkeypatch.setattr(sys, "stdin", stream)
        self.monkeypatch.setattr(sys, "argv", ["predict", *map(str, arguments)])
        error = ""
        try:
            runpy.run_module("lottery.tickets.predict", run_name="__main__")
        except SystemExit as end:
            error = str(end.code or "")
        printed = self.capsys.readouterr()
        return printed.out.splitlines(), error if error != "2" else printed.err


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(capsys, monkeypatch)


def test_a_line_for_each_line(command: Command, path: Path) -> None:
    lines, error = command.run(path, stdin=b"w1 w2 w3\r\n\nw9")
    expected = Ticket.load(path).predict(["w1 w2 w3", "", "w9"])
    assert not error
    assert lines == [f"{each.label}\t{each.probability:.4f}" for each in expected]


def test_json_and_top(command: Command, path: Path) -> None:
    lines, _ = command.run(path, "--json", "--top", "2", stdin="w4 é\n".encode())
    row = json.loads(lines[0])
    assert len(lines) == 1
    assert row["label"] == row["top"][0]["label"]
    assert [entry["probability"] for entry in row["top"]] == sorted(
        (entry["probability"] for entry in row["top"]), reverse=True
    )
    assert len(row["top"]) == 2


def test_files_and_columns(command: Command, path: Path, tmp_path: Path) -> None:
    texts = ["w1, w2", "w3\nw4", 'w5 "w6"']
    (tmp_path / "a.csv").write_text('id,text\n1,"w1, w2"\n2,"w3\nw4"\n3,"w5 ""w6"""\n')
    (tmp_path / "b.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    (tmp_path / "c.tsv").write_text('id\ttext\n1\tw1, w2\n2\t"w3\nw4"\n3\t"w5 ""w6"""\n')
    expected = [
        f"{each.label}\t{each.probability:.4f}" for each in Ticket.load(path).predict(texts)
    ]
    files = [tmp_path / name for name in ("a.csv", "b.jsonl", "c.tsv")]
    lines, error = command.run(path, *files, "--column", "text")
    assert not error
    assert lines == 3 * expected
    for file in files[:2]:
        assert command.run(path, "--column", "text", stdin=file.read_bytes()) == (expected, "")


@pytest.mark.parametrize(
    ("arguments", "stdin", "results", "message"),
    [
        ([], b"w1\nw2\nw\xff3\nw4\n", 2, "standard input: line 3: byte 2 (0xff) is not UTF-8"),
        ([], b"w1\nw\xe4", 1, "standard input: line 2: byte 2 (0xe4) is not UTF-8"),
        (["--column", "text"], b'{"text": "w1"}\n{"text": 3}\n', 1, "line 2: no text under 'text'"),
        (["--column", "text"], b'{"text": "w1"}\n{"text"\n', 1, "line 2: not JSON"),
        (["--column", "text"], b"id,other\n1,w1\n", 0, "no column 'text'; choose from"),
        (["--column", "b"], b"a,b\n1,w1\n2\n", 1, "line 3: 1 fields only"),
        (["nowhere.txt"], b"", 0, "nowhere.txt"),
        (["--top", "0"], b"", 0, "expected a positive integer, got '0'"),
        (["--format", "xml"], b"", 0, "invalid choice: 'xml'"),
    ],
)
def test_errors(
    command: Command, path: Path, arguments: list[str], stdin: bytes, results: int, message: str
) -> None:
    """Results come out up to the line before the one at fault."""
    lines, error = command.run(path, *arguments, stdin=stdin)
    assert message in error
    assert len(lines) == results
    assert "Traceback" not in error


def test_a_long_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "CHUNK", 10)
    monkeypatch.setattr(inputs, "MAX_LINE", 30)
    stream = io.BufferedReader(io.BytesIO(b"w1\n" + b"w" * 50))  # type: ignore[type-var]
    batches = inputs.lines(stream, "x")
    assert next(batches) == ["w1"]
    with pytest.raises(Exception, match="x: line 2: longer than 30 bytes"):
        list(batches)


@pytest.mark.parametrize("model", ["cnn", "lstm"])
def test_explanations_are_of_words_that_count(command: Command, tmp_path: Path, model: str) -> None:
    path = tmp_path / "t"
    path.write_bytes(ticket_networks.to_bytes(ticket_networks.make(model, classes=2).network))
    lines, _ = command.run(path, "--json", "--explain", stdin=b"w1 w2 w3 w4 w6 w7 w8 w9\n\n")
    first, empty = map(json.loads, lines)
    assert 1 <= len(first["explanation"]) <= 3
    effects = [reason["effect"] for reason in first["explanation"]]
    assert effects == sorted(effects, reverse=True)
    assert effects[-1] > 0
    assert all(reason["words"] in "w1 w2 w3 w4 w6 w7 w8 w9" for reason in first["explanation"])
    assert empty["explanation"] == []


def test_about(command: Command, path: Path) -> None:
    lines, _ = command.run(path, "--about")
    about = json.loads("\n".join(lines))
    assert about["provenance"] == {"corpus": "made up"}
    assert 0 < about["sparsity"] < 1


def start(path: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "lottery.tickets.predict", str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_slow_writer_gets_each_answer_at_once(path: Path) -> None:
    process = start(path)
    timer = threading.Timer(120, process.kill)
    timer.start()
    assert process.stdin and process.stdout
    for _ in range(3):
        process.stdin.write(b"w1 w2\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"class ")
    process.stdin.close()
    assert process.wait() == 0
    timer.cancel()


def test_a_reader_that_has_read_enough(path: Path) -> None:
    process = start(path)
    assert process.stdin and process.stdout and process.stderr
    process.stdout.close()
    try:
        process.stdin.write(b"w1\n" * 100_000)
        process.stdin.close()
    except BrokenPipeError:
        pass
    assert process.stderr.read() == b""
    assert process.wait() == 0
