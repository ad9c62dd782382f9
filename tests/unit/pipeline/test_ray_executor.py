"""What the Ray executor does with units, nodes and faults, on a Ray that only pretends."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fake_ray import CPU, FakeRay
from filelock import FileLock
from helpers import ROOT, refused, write_tokens

from lottery.config import params
from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.errors import LotteryError
from lottery.pipeline import provenance
from lottery.pipeline.assembly import Survey
from lottery.pipeline.executors.node import Began, File
from lottery.pipeline.processes import Report, Result
from lottery.pipeline.reporter import Note, Saved
from lottery.pipeline.run_store import Entry
from lottery.pipeline.training_runs import TrainingRun
from lottery.pipeline.units import Unit
from tools import precompute

EXECUTORS = tuple(
    f"lottery.pipeline.executors.{name}" for name in ("ray", "ray_inputs", "ray_nodes")
)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    fake = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setitem(sys.modules, "ray.exceptions", fake.exceptions)
    for name in EXECUTORS:  # imported with it, and forgotten with it
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return fake


@pytest.fixture
def executors(fake: FakeRay) -> Iterator[ModuleType]:
    yield importlib.import_module(EXECUTORS[0])
    for name in EXECUTORS:
        sys.modules.pop(name, None)


@pytest.fixture
def settings() -> Params:
    return params.load(ROOT / "profiles" / "smoke.yaml")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOTTERY_CHECKPOINTS", str(tmp_path / "store"))
    write_tokens(tmp_path / "tree" / "data/tokens/rotten_tomatoes")
    return tmp_path / "tree"


@pytest.fixture
def here(settings: Params) -> dict[str, Any]:
    return provenance.of_this_machine(settings.device, settings.threads)


def unit_of(settings: Params, tmp_path: Path, seed: int = 0) -> Unit:
    run = TrainingRun("train", Run(settings, "rotten_tomatoes", "cnn"), seed)
    inputs = {"data/tokens/rotten_tomatoes/train.ids.npy": ""}
    folder = tmp_path / "store" / run.run.name / f"seed-{seed}" / "key"
    return Unit(run.name, (run,), (Survey((0, 1), entry=Entry(folder, {"inputs": inputs}, {})),))


def two_levels(
    unit: Unit, paths: list[str], references: list[Any], stored: dict[str, bytes]
) -> Iterator[object]:
    """In place of training: two levels, without those that are stored."""
    (entry,) = unit.entries
    folder = Path(*entry.folder.parts[-3:])
    yield Began("node a (host)")
    for level in (0, 1):
        name = f"{folder}/level-00{level}.x.safetensors"
        if name not in stored:
            yield Note(f"level {level} begins")
            yield File(name, b"weights")


def until_the_end(executor: Any, limit: int = 50) -> list[Report]:
    """All that is reported of one unit."""
    reports: list[Report] = []
    for _ in range(limit):
        for _, report in executor.reports():
            reports.append(report)
            if isinstance(report, Result | BaseException):
                return reports
    raise AssertionError(f"it never ends: {reports}")


def test_levels_come_back_into_the_store(
    fake: FakeRay, executors: ModuleType, settings: Params, tree: Path, here: dict[str, Any]
) -> None:
    fake.cluster = {"aaa": ({CPU: 2}, here), "head": ({}, here)}
    unit = unit_of(settings, tree.parent)
    with executors.RayExecutor(tree, settings, train=two_levels) as executor:
        assert (executor.slots, executor.free) == (2, 2)
        assert executor.start(unit)
        assert executor.free == 1
        reports = until_the_end(executor)
        assert executor.free == 2
    saved = [report.path for report in reports if isinstance(report, Saved)]
    assert [path.read_bytes() for path in saved] == [b"weights"] * 2
    assert {path.parent for path in saved} == {unit.entries[0].folder}
    ((options, (_, paths, _, stored)),) = fake.submitted
    assert options["num_cpus"] == settings.threads
    assert options["label_selector"] == {"ray.io/node-id": "in(aaa)"}
    assert not [path for path in paths if "/test." in path], "the test documents stay here"
    assert "data/tokens/rotten_tomatoes/report.json" in paths
    assert stored == {}
    assert fake.init_options["address"] == "local"


def test_inputs_are_in_the_object_store_once(
    fake: FakeRay, executors: ModuleType, settings: Params, tree: Path, here: dict[str, Any]
) -> None:
    fake.cluster = {"aaa": ({CPU: 1}, here)}
    with executors.RayExecutor(tree, settings, train=two_levels) as executor:
        for seed in (0, 1):
            executor.start(unit_of(settings, tree.parent, seed))
            until_the_end(executor)
    assert fake.puts == len(fake.submitted[0][1][1])


def test_a_unit_whose_node_is_lost_starts_again_with_what_is_done(
    fake: FakeRay, executors: ModuleType, settings: Params, tree: Path, here: dict[str, Any]
) -> None:
    fake.cluster = {"aaa": ({CPU: 1}, here)}
    with executors.RayExecutor(tree, settings, train=two_levels) as executor:
        executor.start(unit_of(settings, tree.parent))
        while not list((tree.parent / "store").rglob("level-000*")):
            list(executor.reports())
        fake.kill("aaa")
        fake.cluster["bbb"] = ({CPU: 1}, here)
        reports = until_the_end(executor)
    notes = [report.text for report in reports if isinstance(report, Note)]
    assert notes[0] == (
        "train rotten_tomatoes-cnn seed 0: node a (host) is gone (the node aaa died); starting it "
        "again"
    )
    assert notes[1:] == ["level 1 begins"], "level 0 was trained again"
    assert list(fake.submitted[1][1][3]) == [
        "rotten_tomatoes-cnn/seed-0/key/level-000.x.safetensors"
    ]
    assert fake.submitted[1][0]["label_selector"] == {"ray.io/node-id": "in(bbb)"}
    assert isinstance(reports[-1], Result)


def test_a_unit_that_is_lost_again_and_again_has_failed(
    fake: FakeRay, executors: ModuleType, settings: Params, tree: Path, here: dict[str, Any]
) -> None:
    fake.cluster = {"aaa": ({CPU: 1}, here)}
    with executors.RayExecutor(tree, settings, train=two_levels) as executor:
        executor.start(unit_of(settings, tree.parent))
        for _ in range(20):
            reports = [report for _, report in executor.reports()]
            if reports and isinstance(reports[-1], LotteryError):
                break
            for generator in fake.generators:
                generator.is_lost = True
        assert "lost 3 times" in str(reports[-1])
        assert executor.free == 1


def test_an_error_names_its_node_in_one_line(
    fake: FakeRay, executors: ModuleType, settings: Params, tree: Path, here: dict[str, Any]
) -> None:
    def breaks(*arguments: object) -> Iterator[object]:
        yield Began("node a (host)")
        raise LotteryError("out of\nmemory")

    fake.cluster = {"aaa": ({CPU: 1}, here)}
    with executors.RayExecutor(tree, settings, train=breaks) as executor:
        executor.start(unit_of(settings, tree.parent))
        *_, error = until_the_end(executor)
    assert str(error) == "on node a (host): out of memory"


def test_a_disk_that_is_full_ends_the_unit(
    fake: FakeRay,
    executors: ModuleType,
    settings: Params,
    tree: Path,
    here: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    fake.cluster = {"aaa": ({CPU: 1}, here)}
    with executors.RayExecutor(tree, settings, train=two_levels) as executor:
        executor.start(unit_of(settings, tree.parent))
        monkeypatch.setattr(executors.files, "write_bytes", full)
        *_, error = until_the_end(executor)
    assert isinstance(error, OSError)
    assert fake.canceled == fake.generators


def test_what_was_not_asked_for_is_not_stored(
    fake: FakeRay, executors: ModuleType, settings: Params, tree: Path, here: dict[str, Any]
) -> None:
    """As of a node whose processor is another one: its folder has another name."""

    def other(*arguments: object) -> Iterator[object]:
        yield Began("node a (host)")
        yield File("rotten_tomatoes-cnn/seed-0/other/level-000.x.safetensors", b"weights")

    fake.cluster = {"aaa": ({CPU: 1}, here)}
    with executors.RayExecutor(tree, settings, train=other) as executor:
        executor.start(unit_of(settings, tree.parent))
        *_, error = until_the_end(executor)
    assert "is not what was asked for" in str(error)
    assert not list((tree.parent / "store").rglob("*.safetensors"))


def test_a_run_that_another_process_works_on_is_not_started(
    fake: FakeRay, executors: ModuleType, settings: Params, tree: Path, here: dict[str, Any]
) -> None:
    fake.cluster = {"aaa": ({CPU: 1}, here)}
    unit = unit_of(settings, tree.parent)
    (folder,) = [entry.folder for entry in unit.entries]
    folder.mkdir(parents=True)
    with executors.RayExecutor(tree, settings, train=two_levels) as executor:
        with FileLock(folder / "lock"):
            assert not executor.start(unit)
        assert executor.start(unit)
        assert isinstance(until_the_end(executor)[-1], Result)
    with FileLock(folder / "lock", timeout=0):
        pass


def test_nodes_with_other_versions_are_left_out_with_both_lists(
    fake: FakeRay, executors: ModuleType, settings: Params, tree: Path, here: dict[str, Any]
) -> None:
    other = {**here, "versions": {**here["versions"], "numba": "0.0.1"}}
    fake.cluster = {"bad": ({CPU: 8}, other)}
    lines: list[str] = []
    refused(
        lambda: executors.RayExecutor(tree, settings, lines.append).__enter__(),
        "no node of the Ray cluster has the versions of this environment",
        "numba 0.0.1",
        f"numba {here['versions']['numba']}",
    )
    fake.cluster["good"] = ({CPU: 1}, here)
    with executors.RayExecutor(tree / "again", settings, lines.append) as executor:
        assert executor.slots == 1
    assert "node bad is left out: its versions are" in lines[-1]
    assert "numba 0.0.1" in lines[-1]


def test_a_node_that_does_not_answer_is_asked_again(
    fake: FakeRay, executors: ModuleType, settings: Params, tree: Path, here: dict[str, Any]
) -> None:
    """Three times; then it is left out, in one line, and the others train."""
    fake.cluster = {"slow": ({CPU: 1}, here), "mute": ({CPU: 8}, here)}
    fake.silent = {"slow": 2, "mute": 3}
    lines: list[str] = []
    with executors.RayExecutor(tree, settings, lines.append) as executor:
        assert executor.slots == 1
    assert lines == ["node mute is left out: it does not say what it is: A worker died."]


def test_a_node_that_is_gone_before_it_answers_is_not_waited_for(
    fake: FakeRay, executors: ModuleType, settings: Params, tree: Path, here: dict[str, Any]
) -> None:
    fake.cluster = {"aaa": ({CPU: 4}, here), "bbb": ({CPU: 1}, here)}
    fake.dying = {"aaa"}
    with executors.RayExecutor(tree, settings) as executor:
        assert executor.slots == 1


def test_a_unit_whose_nodes_are_gone_before_it_begins_goes_to_others(
    fake: FakeRay, executors: ModuleType, settings: Params, tree: Path, here: dict[str, Any]
) -> None:
    """Ray would keep it waiting for those that it was handed to."""
    fake.cluster, fake.stuck = {"aaa": ({CPU: 1}, here)}, {"aaa"}
    with executors.RayExecutor(tree, settings, train=two_levels) as executor:
        assert executor.start(unit_of(settings, tree.parent))
        assert list(executor.reports()) == []
        fake.cluster = {"bbb": ({CPU: 1}, here)}
        assert isinstance(until_the_end(executor)[-1], Result)
    assert [generator.node for generator in fake.canceled] == ["aaa"]


def test_one_kind_of_node_trains_all(
    fake: FakeRay, executors: ModuleType, settings: Params, tree: Path, here: dict[str, Any]
) -> None:
    """The one with a GPU, or else with the most room; cells that it trains say so, unless it is
    that of this machine."""
    card = {**here, "device": "a card"}
    fake.cluster = {
        "aaa": ({CPU: 1}, here),
        "bbb": ({CPU: 4}, {**here, "device": "another processor"}),
        "ccc": ({CPU: 2, "GPU": 1}, card),
    }
    with executors.RayExecutor(tree, settings, train=two_levels) as executor:
        assert executor.slots == 1
        executor.claim(["rotten_tomatoes-cnn"])
        executor.start(unit_of(settings, tree.parent))
        until_the_end(executor)
    options, _ = fake.submitted[0]
    assert (options["num_cpus"], options["num_gpus"]) == (0, 1)
    assert options["label_selector"] == {"ray.io/node-id": "in(ccc)"}
    assert provenance.recorded("rotten_tomatoes-cnn") == card
    del fake.cluster["ccc"], fake.cluster["bbb"]
    with executors.RayExecutor(tree / "again", settings, train=two_levels) as executor:
        refused(lambda: executor.claim(["rotten_tomatoes-cnn"]), "was trained on", "a card")
        executor.claim(["rotten_tomatoes-lstm"])
    assert provenance.recorded("rotten_tomatoes-lstm") is None


def test_a_node_that_joins_later_is_used(
    fake: FakeRay, executors: ModuleType, settings: Params, tree: Path, here: dict[str, Any]
) -> None:
    fake.cluster = {"aaa": ({CPU: 1}, here)}
    with executors.RayExecutor(tree, settings, train=two_levels) as executor:
        fake.cluster["bbb"] = ({CPU: 3}, here)
        executor.start(unit_of(settings, tree.parent))
        until_the_end(executor)
        assert executor.slots == 4


def test_without_ray_the_command_says_how_to_install_it(
    settings: Params, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing but that command imports it."""
    monkeypatch.chdir(tree)
    monkeypatch.setattr("tools.precompute.find_spec", lambda name: None)
    refused(lambda: precompute.run(settings, [], "ray"), "make ray")
    assert "lottery.pipeline.executors.ray" not in sys.modules
