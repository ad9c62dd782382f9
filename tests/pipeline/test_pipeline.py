"""The pipeline as a user runs it: a real DVC repository, the smoke profile, real text."""

import json
import re
import runpy
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import Repository, make_repository, ran

CELLS = ["rotten_tomatoes-cnn", "rotten_tomatoes-lstm"]
STRATEGIES = ["winning_ticket", "late_rewinding"]
CONTROL = "reinit_same_mask"
CHAINS = [f"{cell}-{strategy}" for cell in CELLS for strategy in STRATEGIES]
EVERYTHING = {
    "code",
    "download@rotten_tomatoes",
    "tokenize@rotten_tomatoes",
    *(f"train@{cell}" for cell in CELLS),
    *(f"{stage}@{chain}" for stage in ("prune", "evaluate") for chain in CHAINS),
    *(f"branch@{cell}-{CONTROL}" for cell in CELLS),
    *(f"connectivity@{cell}" for cell in CELLS),
    "select",
    "plot",
}


class Finished:
    """A repository that can be put back; DVC, which takes seconds, only where its files changed."""

    def __init__(self, repository: Repository) -> None:
        self.repository, self.files = repository, data(repository)

    def put_back(self) -> Repository:
        repository = self.repository
        repository.run("git", "reset", "-q", "--hard", "main")
        repository.run("git", "clean", "-fdq")
        if data(repository) != self.files:
            repository.run("dvc", "checkout", "-q", "--force")
            self.files = data(repository)
        return repository


def data(repository: Repository) -> dict[Path, tuple[int, int, int]]:
    """Each file under ``data/`` as it can be told from a changed one."""
    found = {path: path.lstat() for path in (repository.path / "data").rglob("*")}
    return {path: (own.st_ino, own.st_size, own.st_mtime_ns) for path, own in found.items()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A repository, in a path with a space, in which the pipeline has run once."""
    repository = make_repository(tmp_path_factory.mktemp("a path") / "with a space")
    assert set(repository.repro()) == EVERYTHING
    repository.commit("results")
    return Finished(repository)


@pytest.fixture
def project(finished: Finished) -> Repository:
    """The finished repository, put back to its commit before each test."""
    return finished.put_back()


Stage = Callable[..., str]


@pytest.fixture
def stage(
    project: Repository, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Stage]:
    """Run a stage of the project's in this process, which has torch; what it said to the end."""
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("LOTTERY_PROCESSES", "1")
    before = signal.getsignal(signal.SIGTERM)

    def run(name: str, *arguments: str) -> str:
        monkeypatch.setattr("sys.argv", [name, *arguments])
        monkeypatch.delitem(sys.modules, f"stages.{name}", raising=False)  # run as a script is
        with pytest.raises(SystemExit) as end:
            runpy.run_module(f"stages.{name}", run_name="__main__")
        return "".join(capfd.readouterr()) + str(end.value)

    yield run
    signal.signal(signal.SIGTERM, before)


def test_nothing_reruns(project: Repository) -> None:
    assert project.repro() == []
    assert "up to date" in project.run("dvc", "status")
    assert project.run("git", "status", "--porcelain") == ""


def test_what_is_in_git_and_what_in_the_cache(project: Repository) -> None:
    tracked = project.run("git", "ls-files").splitlines()
    for cell in CELLS:
        assert f"metrics/{cell}.json" in tracked
        assert f"plots/curves/{cell}.csv" in tracked
        assert f"plots/figures/{cell}-accuracy.svg" in tracked
    large = ("data/tokens/", "data/dense/", "data/chains/", "data/logits/", "data/branches/")
    found = [name for name in tracked if name.startswith(large) and ".gitignore" not in name]
    assert not found
    assert not [name for name in tracked if name.endswith((".parquet", ".safetensors", ".npy"))]
    remotes = project.run("dvc", "remote", "list")
    assert "storage" not in remotes


def test_results_are_tidy_and_complete(project: Repository) -> None:
    for cell in CELLS:
        levels = pd.read_csv(project.path / f"plots/curves/{cell}.csv")
        assert list(levels.level[levels.strategy == CONTROL]) == [1, 1], "a row a seed"
        levels = levels[levels.strategy != CONTROL]
        assert len(levels) == 2 * 2 * 3  # strategies x seeds x levels
        assert levels.groupby("level").sparsity.nunique().max() == 1
        assert levels.sparsity[levels.level == 2].iloc[0] == pytest.approx(0.75, abs=0.01)
        dense = levels[levels.level == 0].groupby("seed").test_accuracy
        assert (dense.nunique() == 1).all(), "all strategies start from the same dense run"
        metrics = json.loads((project.path / f"metrics/{cell}.json").read_text())
        assert list(metrics) == ["dense", *STRATEGIES]
        epochs = pd.read_csv(project.path / f"plots/tables/{cell}-late_rewinding/epochs.csv")
        assert sorted(epochs.epoch[epochs.level == 1].unique()) == [2], "epochs k to T-1"
        assert sorted(epochs.epoch[epochs.level == 0].unique()) == [1, 2]
        tensors = [
            pd.read_csv(project.path / f"plots/tables/{cell}-{name}/tensors.csv").drop(
                columns="strategy"
            )
            for name in ("winning_ticket", CONTROL)
        ]
        both = tensors[1].merge(tensors[0])
        assert len(both) == len(tensors[1]), "the control keeps the ticket's counts"
        lines = pd.read_csv(project.path / f"plots/tables/{cell}-connectivity/lines.csv")
        assert set(lines.kind) == {"levels", "orders"}
        ends = lines[(lines.kind == "levels") & (lines.level == 1) & (lines.alpha == 1)]
        own = levels[(levels.strategy == "winning_ticket") & (levels.level == 1)]
        expected = 100 - own.set_index("seed").test_accuracy
        assert ends.set_index("seed").test_error.to_dict() == pytest.approx(expected.to_dict())
    page = (project.path / "plots/report.html").read_text()
    took = re.search(r"wall time of these results<[^1-9]*(\d+ min )?\d+ s: (.*)<", page)
    assert took, "the page does not say how long it took"
    for stage in ("tokenize", "train", "prune", "evaluate", "branch", "connectivity"):
        assert stage in took[2]
    assert "not run" not in took[2]
    claims = json.loads((project.path / "metrics/claims.json").read_text())
    assert "supported" not in claims.values(), "two seeds of two levels show nothing"
    for name in (*CELLS, CONTROL.replace("_", " "), "undecided"):
        assert name in page


def test_pruning_never_opens_the_test_part(project: Repository, tmp_path: Path) -> None:
    for path in (project.path / "data/tokens/rotten_tomatoes").glob("test.*"):
        path.unlink()
    for stage in ("train", "prune"):
        arguments = ["rotten_tomatoes", "cnn"] + (["winning_ticket"] if stage == "prune" else [])
        project.run(f"stages.{stage}", *arguments, LOTTERY_PROGRESS=str(tmp_path))
    output = project.run("stages.evaluate", "rotten_tomatoes", "cnn", "winning_ticket", check=False)
    assert "test.ids.npy: not found" in output


def test_the_same_bytes_again(project: Repository, tmp_path: Path) -> None:
    """Trained anew, whether the seeds run one after the other or side by side."""
    before = (project.path / "dvc.lock").read_text()
    for processes in ("1", "2"):
        for stage in (f"train@{CELLS[1]}", f"prune@{CHAINS[-1]}"):
            again = ("repro", "--force", "--no-run-cache", "-s", stage)
            own = {"LOTTERY_PROCESSES": processes, "LOTTERY_PROGRESS": str(tmp_path / processes)}
            output = project.run("dvc", *again, **own)
            assert ran(output) == [stage]
    assert (project.path / "dvc.lock").read_text() == before
    pages = []
    for _ in range(2):  # the page names the commit, which is another than when it was made
        assert project.repro("--force", "--no-run-cache", "-s", "plot") == ["plot"]
        pages.append((project.path / "plots/report.html").read_bytes())
    assert pages[0] == pages[1]


def test_a_changed_rate_reruns_pruning_and_what_follows(project: Repository) -> None:
    output = project.run("dvc", "exp", "run", "-n", "gentler", "-S", "prune.rate=0.3")
    expected = {
        name
        for name in EVERYTHING
        if name.split("@")[0] not in ("code", "download", "tokenize", "train")
    }
    assert set(ran(output)) == expected
    table = project.run("dvc", "exp", "show", "--md", "--only-changed")
    assert "gentler" in table
    assert "0.3" in table
    assert "prune.rate" in project.run("dvc", "params", "diff", "--md")
    rows = project.run("dvc", "metrics", "diff", "--all", "--md").strip().splitlines()
    # A cell of three strategies has seven figures: four cells and ten claims fit in forty rows.
    assert 2 < len(rows) <= 2 + 5 * len(CELLS) + 10
    shown = project.run("dvc", "metrics", "show", "--md")
    assert "winning_ticket.sparsity" in shown
    project.run("dvc", "plots", "diff", "main", "-o", "compared")
    page = (project.path / "compared/index.html").read_text()
    assert "late_rewinding" in page
    assert "strokeDash" in page
    assert "weights remaining (%)" in page, "our own template draws it"


def test_a_changed_figure_reruns_plot_only(project: Repository) -> None:
    path = project.path / "src/lottery/figures.py"
    whole = path.read_text()
    path.write_text(whole + "def\n")
    last = project.run("stages.code", check=False).strip().splitlines()[-1]
    assert last.startswith("error: ") and "figures.py" in last
    path.write_text(whole)
    path.write_text(path.read_text().replace('"#0072B2"', '"#0072B3"'))
    assert project.repro() == ["code", "plot"]
    changed = project.run("git", "diff", "--name-only", "data").split()
    assert changed == ["data/code/plot.json"]


def test_plots_show_uses_our_template(project: Repository) -> None:
    project.run("dvc", "plots", "show", "-o", "shown")
    page = (project.path / "shown/index.html").read_text()
    assert "weights remaining (%)" in page
    assert page.count("late_rewinding") > 2


def test_a_clone_with_pulled_data_is_clean(project: Repository, tmp_path: Path) -> None:
    project.run("dvc", "remote", "add", "-q", "--local", "-d", "store", str(tmp_path / "store"))
    project.run("dvc", "push", "-q")
    project.run("git", "clone", "-q", str(project.path), str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")
    clone.run("dvc", "remote", "add", "-q", "--local", "-d", "store", str(tmp_path / "store"))
    clone.run("dvc", "pull", "-q")
    assert "up to date" in clone.run("dvc", "status")
    assert clone.repro() == []
    assert clone.run("git", "status", "--porcelain") == ""
    project.run("dvc", "remote", "remove", "--local", "store")


def test_a_shrunk_grid_leaves_no_orphan(project: Repository) -> None:
    path = project.path / "params.yaml"
    settings = yaml.safe_load(path.read_text())
    del settings["models"]["lstm"], settings["train"]["lstm"]
    del settings["train"]["rotten_tomatoes-lstm"]
    settings["strategies"].remove("late_rewinding")
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    assert project.repro() == ["select", "plot"]
    assert "late_rewinding" not in (project.path / "plots/report.html").read_text()
    for folder in ("metrics", "plots/curves", "plots/figures", "plots/tables"):
        names = [found.name for found in (project.path / folder).iterdir()]
        assert names
        assert not [name for name in names if "lstm" in name or "late_rewinding" in name]
    assert project.repro() == []
    assert "up to date" in project.run("dvc", "status")


def test_a_second_corpus_of_ones_own(project: Repository) -> None:
    rows = [
        f"{word} film number {n},{stars}"
        for n in range(60)
        for word, stars in (("good", 5), ("bad", 1))
    ]
    (project.path / "reviews.csv").write_text("review,stars\n" + "\n".join(rows) + "\n")
    project.edit(
        "params.yaml",
        "models:\n",
        "  my_reviews:\n    {source: reviews.csv, text: review, label: stars, test_fraction: 0.2}\n"
        "models:\n",
    )
    project.edit("params.yaml", "train:\n", "train:\n  my_reviews-cnn: {}\n  my_reviews-lstm: {}\n")
    reran = project.repro("train@my_reviews-cnn")
    assert reran == ["download@my_reviews", "tokenize@my_reviews", "train@my_reviews-cnn"]
    (project.path / "reviews.csv").write_text("review,stars\n" + "\n".join(rows[2:]) + "\n")
    assert "modified:           reviews.csv" in project.run("dvc", "status")


def test_new_ones_are_a_file_each_and_one_cells_rate_is_its_own(project: Repository) -> None:
    """A strategy and a control run in both cells, and nothing else where nothing else changed."""
    folder = project.path / "src/lottery/pruning"
    for kind, file, old, new, name in (
        ("strategies", "winning_ticket", "dense.init", "dense.rewind", "rewind_and_start_over"),
        ("controls", "reinit_same_mask", "dense.fresh(ticket.level)", "dense.final", "final"),
    ):
        text = (folder / kind / f"{file}.py").read_text()
        assert text.count(old) == 1
        (folder / kind / f"{name}.py").write_text(text.replace(old, new))
    project.edit("params.yaml", "late_rewinding]", "late_rewinding, rewind_and_start_over]")
    project.edit("params.yaml", f"[{CONTROL}]", f"[{CONTROL}, final]")
    project.edit(
        "params.yaml", "rotten_tomatoes-cnn: {lr: 0.01}", "rotten_tomatoes-cnn: {lr: 0.02}"
    )
    reran = project.repro()
    own = {name for name in EVERYTHING if "cnn" in name}
    new = {
        *(f"{own}@{cell}-rewind_and_start_over" for own in ("prune", "evaluate") for cell in CELLS),
        *(f"branch@{cell}-final" for cell in CELLS),
    }
    assert set(reran) == {*own, *new, "code", "select", "plot"}
    assert "rewind_and_start_over" in (project.path / f"metrics/{CELLS[0]}.json").read_text()
    assert "final" in set(pd.read_csv(project.path / f"plots/curves/{CELLS[0]}.csv").strategy)


def test_the_summary(project: Repository) -> None:
    output = project.run("tools.summary")
    assert "rotten_tomatoes" in output
    assert "mean of 2 seeds" in output
    assert "plots/figures/overview.png" in output
    assert "10 of 10 undecided or not tested" in output
    assert "plots/report.html" in output


def test_tools_profile_keeps_own_changes(project: Repository) -> None:
    output = project.run("tools.profile", "full")
    assert "the profile 'full'" in output
    assert "imdb" in (project.path / "params.yaml").read_text()
    project.run("tools.profile", "smoke")
    assert project.run("git", "status", "--porcelain") == ""
    project.edit("params.yaml", "rate: 0.5", "rate: 0.4")
    output = project.run("tools.profile", "full", check=False)
    assert "params.yaml has changes of yours" in output
    assert "rate: 0.4" in (project.path / "params.yaml").read_text()


def test_errors_leave_earlier_outputs_alone(project: Repository, stage: Stage) -> None:
    cell = ["rotten_tomatoes", "cnn"]
    cases = [
        ("  rate: 0.5", "  raet: 0.5", ["prune", *cell, "winning_ticket"], "prune.raet"),
        ("corpora/rotten_tomatoes.py", "corpora/rt.py", ["download", cell[0]], "'rt'"),
        ("vocabulary: 2000\n  v", "vocabulary: 0\n  v", ["tokenize", cell[0]], "tokens.vocab"),
        ("dim: 50", "dim: 51", ["train", "rotten_tomatoes", "lstm"], "dim is 51"),
    ]
    for old, new, command, message in cases:
        text = (project.path / "params.yaml").read_text()
        project.edit("params.yaml", old, new)
        output = stage(*command)
        (project.path / "params.yaml").write_text(text)
        last = output.strip().splitlines()[-1]
        assert last.startswith("error: ")
        assert message in last
        assert "Traceback" not in output
    assert "up to date" in project.run("dvc", "status")
    assert not list(project.path.rglob("*.tmp"))


def test_unknown_names_on_the_command_line(stage: Stage) -> None:
    for arguments, message in (
        (["train", "rotten_tomatos", "cnn"], "did you mean 'rotten_tomatoes'"),
        (["train", "rotten_tomatoes", "gru"], "unknown model 'gru'"),
        (["prune", "rotten_tomatoes", "cnn", "winning"], "unknown strategy 'winning'"),
    ):
        output = stage(*arguments)
        assert message in output
        assert "Traceback" not in output
    debug = stage("train", "nothing", "cnn", "--debug")
    assert "Traceback" in debug


@pytest.mark.parametrize("name", sorted({name.split("@")[0] for name in EVERYTHING}))
def test_help(stage: Stage, name: str) -> None:
    shown = stage(name, "--help")
    assert f"usage: python -m stages.{name}" in shown
    assert "--debug" in shown


def test_an_incomplete_chain_is_refused(project: Repository, stage: Stage) -> None:
    evaluate = ["evaluate", "rotten_tomatoes", "cnn", "winning_ticket"]
    seed = project.path / "data/chains/rotten_tomatoes-cnn-winning_ticket/seed-0"
    (seed / "level-002.safetensors").unlink()
    assert "level-002.safetensors: not found" in stage(*evaluate)
    table = project.path / "plots/tables/rotten_tomatoes-cnn-winning_ticket/levels.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    output = stage("select")
    assert "levels.csv: a level is missing for some seed" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("file", "content", "name"),
    [
        ("data/tokens/rotten_tomatoes/vectors.npy", b"\x93NUMPY", "train"),
        ("data/tokens/rotten_tomatoes/covered.npy", b"", "train"),
        ("data/tokens/rotten_tomatoes/report.json", b"{", "train"),
        ("data/tokens/rotten_tomatoes/train.labels.npy", b"\x93NUMPY", "train"),
        ("data/dense/rotten_tomatoes-lstm/seed-0/init.safetensors", b"torn", "prune"),
        ("data/chains/rotten_tomatoes-lstm-late_rewinding/seed-1/tensors.csv", b"", "evaluate"),
        ("plots/tables/rotten_tomatoes-lstm-late_rewinding/levels.csv", b"", "select"),
        ("plots/curves/rotten_tomatoes-lstm.csv", b"", "plot"),
        ("data/raw/rotten_tomatoes.parquet", b"PAR1", "tokenize"),
    ],
)
def test_damaged_files_are_named(
    project: Repository, stage: Stage, file: str, content: bytes, name: str
) -> None:
    cell = ["rotten_tomatoes", "lstm", "late_rewinding"]
    count = {"tokenize": 1, "train": 2, "prune": 3, "evaluate": 3}.get(name, 0)
    path = project.path / file
    path.unlink()  # a link into the cache, perhaps: not to be written through
    path.write_bytes(content)
    last = stage(name, *cell[:count]).strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert file in last
    assert "dvc repro" in last


TRAIN = ("train", "rotten_tomatoes", "cnn")


def limited(project: Repository, limit: str, size: int, stage: tuple[str, ...] = TRAIN) -> str:
    """What a stage prints under one of the kernel's limits, in bytes."""
    code = (
        "import resource, runpy, signal, sys\n"
        "import torch\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.{limit}, ({size}, {size}))\n"
        f"sys.argv = {list(stage)}\n"
        f"runpy.run_module('stages.{stage[0]}', run_name='__main__')\n"
    )
    (project.path / "limited.py").write_text(code)
    return project.run("limited", check=False, LOTTERY_PROCESSES="1")


def test_out_of_memory(project: Repository) -> None:
    project.edit("params.yaml", "dim: 20", "dim: 10000")
    output = limited(project, "RLIMIT_DATA", 300_000_000)
    assert output.strip().splitlines()[-1].startswith("error: out of memory")
    assert "Traceback" not in output


def test_a_full_disk(project: Repository) -> None:
    """A limit on the size of files, which the kernel enforces as it would a full disk."""
    evaluate = ("evaluate", "rotten_tomatoes", "cnn", "winning_ticket")
    for stage, size, folder, first in (
        (TRAIN, 20_000, "data/dense", ".progress"),
        (evaluate, 1_000, "data/logits", "data/logits"),
        (("select",), 1_000, "plots/curves", "plots/statistics"),
        (("plot",), 10_000, "plots/figures", "plots"),
    ):
        before = project.path / "before" / folder
        shutil.copytree(project.path / folder, before)
        output = limited(project, "RLIMIT_FSIZE", size, stage)
        last = output.strip().splitlines()[-1]
        assert last.startswith(f"error: {first}/"), output
        assert "File too large; make room and run again" in last
        assert "Traceback" not in output
        for path in (own for own in before.rglob("*") if own.is_file()):
            own = project.path / folder / path.relative_to(before)
            assert own.read_bytes() == path.read_bytes()
    assert not list(project.path.rglob("*.tmp"))
