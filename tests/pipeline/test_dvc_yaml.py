"""dvc.yaml says the truth: code is what is imported, params are what is read."""

import ast
import builtins
import dataclasses
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers import ROOT, SMOKE_CELLS, Repository, make_repository, ran

from lottery.config import params
from lottery.config.grid import Run
from lottery.pipeline import code_digests, resume, stage_order
from lottery.storage import paths

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
STAGES = {name: stage.get("do", stage) for name, stage in PIPELINE.items()}
CHOSEN = {
    "src/lottery/data/text/tokenizers/${tokens.tokenizer}.py": "lottery.data.text.tokenizers",
    # All of a package, where what spans the grid chooses.
    "src/lottery/corpora": "lottery.corpora",
    "src/lottery/data/text/tokenizers": "lottery.data.text.tokenizers",
    "src/lottery/models": "lottery.models",
    "src/lottery/pruning/controls": "lottery.pruning.controls",
    "src/lottery/pruning/criteria": "lottery.pruning.criteria",
    "src/lottery/pruning/strategies": "lottery.pruning.strategies",
    "src/lottery/pruning/transfers": "lottery.pruning.transfers",
    "${item.source}": "lottery.corpora",
    "src/lottery/models/${item.model}.py": "lottery.models",
    "src/lottery/pruning/controls/${item.control}.py": "lottery.pruning.controls",
    "src/lottery/pruning/criteria/${prune.criterion}.py": "lottery.pruning.criteria",
    "src/lottery/pruning/strategies/${item.strategy}.py": "lottery.pruning.strategies",
    "src/lottery/pruning/transfers/${item.arm}.py": "lottery.pruning.transfers",
}
"""Modules that a parameter chooses, and the package they come from."""
JOBS = {
    "train": {"train"},
    "prune": {"prune"},
    # Controls and connectivity score their networks as `evaluate` does, by importing its job; so do
    # transferred arms, as controls.
    "evaluate": {"evaluate", "branch", "connectivity", "transfer"},
    "branch": {"branch", "connectivity", "transfer"},
    "connectivity": {"connectivity"},
    "transfer": {"transfer"},
    "export": {"export"},
}
"""The stages that run each job's code."""


def job_file(name: str) -> str:
    return f"src/lottery/pipeline/jobs/{name}.py"


@pytest.fixture(scope="module")
def code() -> dict[str, set[str]]:
    """The modules that each stage runs, by its name, as the stage ``code`` lists them."""
    graph = code_digests.graph(types=True)
    return {name: code_digests.modules(graph, name) for name in STAGES}


@pytest.mark.parametrize("name", sorted(set(STAGES) - {"code"}))
def test_a_stage_depends_on_its_code(name: str) -> None:
    declared = STAGES[name]["deps"]
    assert str(paths.code(name)) in declared
    chosen = {CHOSEN[dep] for dep in declared if dep in CHOSEN}
    assert chosen == set(code_digests.CHOSEN.get(name, ()))
    others = {dep for dep in declared if dep.endswith(".py") and dep not in CHOSEN}
    assert not others


def test_a_stages_code_is_what_it_imports(code: dict[str, set[str]]) -> None:
    for name, modules in code.items():
        assert {"stages", f"stages.{name}", "lottery", "lottery.config.params"} <= modules
        assert all((ROOT / code_digests.file_of(module)).is_file() for module in modules)
    assert {"lottery.pipeline.jobs.train", "lottery.kernels.conv_maxpool"} <= code["train"], (
        "of a model it chooses"
    )
    assert "lottery.models.cnn" not in code["train"], "chosen, so in dvc.yaml by itself"
    others = {"lottery.data.text.tokenize", "lottery.pipeline.jobs.prune", "lottery.report"}
    assert not others & code["train"]
    assert "lottery.training.checkpointing" not in code["plot"]


def test_every_job_is_of_a_stage() -> None:
    jobs = {path.stem for path in (ROOT / "src/lottery/pipeline/jobs").glob("[!_]*.py")}
    assert jobs == set(JOBS)
    assert jobs <= set(STAGES)


@pytest.mark.parametrize("job", sorted(JOBS))
def test_a_job_counts_for_its_stage(job: str, code: dict[str, set[str]]) -> None:
    """Although a stage names it in a string only; and so does all that the job imports."""
    module = f"lottery.pipeline.jobs.{job}"
    assert {name for name, modules in code.items() if module in modules} == JOBS[job]
    imported = set(imports(ROOT / job_file(job)))
    assert {"lottery.storage.paths", "lottery.pipeline.build"} <= imported
    for name in JOBS[job]:
        assert imported <= code[name], f"an import of {job_file(job)} does not rerun {name}"


def imports(path: Path) -> Iterator[str]:
    """The modules of ours that the statements of a file import, those for types only left out."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("lottery"):
            for alias in node.names:
                member = f"{node.module}.{alias.name}"
                is_module = (ROOT / code_digests.file_of(member)).is_file()
                yield member if is_module else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("lottery"))


@pytest.mark.slow
def test_a_changed_job_reruns_its_stage_and_nothing_else(finished_copy: Repository) -> None:
    """Nothing after it either: the stage runs again, and what it writes is the same."""
    with (finished_copy.path / job_file("train")).open("a") as file:
        file.write("\n# a change that changes no result\n")
    cells = [f"train@{cell}" for cell in SMOKE_CELLS]
    assert sorted(finished_copy.repro()) == ["code", *cells]
    changed = finished_copy.run("git", "diff", "--name-only", "data").split()
    assert changed == ["data/code/train.json"]


def test_a_stage_says_where_it_stands_in_dvcs_order(finished_copy: Repository) -> None:
    """DVC goes through the stages in the order that is counted."""
    settings = params.load(finished_copy.path / paths.PARAMS)
    planned = ran(finished_copy.run("dvc", "repro", "--dry", "--force"))
    assert stage_order.order(settings, PIPELINE) == planned
    count = len(planned)
    output = finished_copy.run("dvc", "repro", "--force", "--single-item", "select")
    assert f"stage {planned.index('select') + 1} of {count}: select" in output.splitlines()
    by_hand = finished_copy.run("stages.select")
    assert f"of {count}" not in by_hand


def test_no_dep_is_a_parent_of_a_cached_out() -> None:
    cached = [
        out
        for stage in STAGES.values()
        for entry in stage["outs"]
        for out, options in (entry.items() if isinstance(entry, dict) else [(entry, {})])
        if options.get("cache", True)
    ]
    assert len(cached) == 8
    for stage in STAGES.values():
        for dep in stage["deps"]:
            assert not any(out.startswith(f"{dep}/") for out in cached), dep


def test_every_stage_has_a_script_and_help() -> None:
    scripts = {path.stem for path in (ROOT / "stages").glob("[!_]*.py")}
    assert scripts == set(STAGES)


def test_stages_are_short_scripts_and_nothing_else() -> None:
    files = {path.name for path in (ROOT / "stages").iterdir() if path.name != "__pycache__"}
    assert {name for name in files if name.startswith("_")} == {"__init__.py"}
    assert all(name.endswith(".py") for name in files), files
    for path in (ROOT / "stages").glob("*.py"):
        lines = path.read_text().splitlines()
        assert len(lines) <= 45, f"{path.name}: {len(lines)} lines"


class Recorder:
    """Stands in for params and notes the full name of each value that is read."""

    def __init__(self, value: Any, path: tuple[str, ...], seen: set[str]) -> None:
        self.__dict__.update(_value=value, _path=path, _seen=seen)

    def __getattr__(self, name: str) -> Any:
        if name == "__dataclass_fields__":  # what a fingerprint goes through
            return type(self._value).__dataclass_fields__
        if name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self._value, name)
        return self._wrap(name, value) if not callable(value) else value

    def _wrap(self, name: str, value: Any) -> Any:
        path = (*self._path, name)
        if (
            isinstance(value, Mapping)
            and value
            and dataclasses.is_dataclass(next(iter(value.values())))
        ):
            return RecorderMapping(value, path, self._seen)
        if dataclasses.is_dataclass(value):
            return Recorder(value, path, self._seen)
        self._seen.add(".".join(path))
        return value


class RecorderMapping(Mapping):  # type: ignore[type-arg]
    """The same for a section with one entry per name; iterating over the names reads the
    section."""

    def __init__(self, value: Mapping[str, Any], path: tuple[str, ...], seen: set[str]) -> None:
        self.value, self.path, self.seen = value, path, seen

    def __getitem__(self, key: str) -> Any:
        return Recorder(self.value[key], (*self.path, key), self.seen)

    def __iter__(self) -> Iterator[str]:
        self.seen.add(".".join(self.path))
        return iter(self.value)

    def __len__(self) -> int:
        return len(self.value)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return make_repository(tmp_path_factory.mktemp("read") / "project")


ARM = ("rotten_tomatoes", "cnn", "winning_ticket")
CONTROL, TRANSFERRED = "reinit_same_mask", "transferred"
ARGUMENTS = {
    "code": (),
    "check": (),
    "check_corpus": ARM[:1],
    "download": ARM[:1],
    "tokenize": ARM[:1],
    "vocabulary": (ARM[0], ARM[0]),
    "baseline": ARM[:1],
    "train": ARM[:2],
    "prune": ARM,
    "evaluate": ARM,
    "branch": (*ARM[:2], CONTROL),
    "connectivity": ARM[:2],
    # Its own source, which is all that can be trained here.
    "transfer": (ARM[0], *ARM[:2], TRANSFERRED),
    "compare": ARM,
    "compare_control": (*ARM[:2], CONTROL),
    "compare_transfer": (*ARM[:2], TRANSFERRED),
    "select": (),
    "export": ARM[:2],
    "plot": (),
}


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The modules of ours that import statements name from now on."""
    modules: set[str] = set()
    original = builtins.__import__

    def noting(
        name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> Any:
        module = original(name, globals, locals, fromlist, level)
        if name.partition(".")[0] in ("stages", "lottery"):
            members = {f"{name}.{member}" for member in fromlist or ()} & set(sys.modules)
            modules.update(members or {name})
        return module

    monkeypatch.setattr(builtins, "__import__", noting)
    return modules


def fingerprinted_apart(settings: Any, seen: set[str]) -> Callable[..., dict[str, Any]]:
    """``fingerprint_of`` that notes in ``seen`` what it reads, so that it does not pass for what
    training reads."""
    original = resume.fingerprint_of

    def fingerprint_of(stage: str, run: Run, seed: int) -> dict[str, Any]:
        noted: Any = Recorder(settings, (), seen)
        return original(stage, dataclasses.replace(run, params=noted), seed)

    return fingerprint_of


def test_params_declared_are_params_read(
    smoke: Repository, monkeypatch: pytest.MonkeyPatch, imported: set[str]
) -> None:
    """Runs each stage in the process, in order, over params that note what is read of them; and
    notes which of our modules it imports on the way."""
    monkeypatch.chdir(smoke.path)
    settings = params.load(Path("params.yaml"))
    names = {"corpus": ARM[0], "model": ARM[1], "strategy": ARM[2]}
    settings = dataclasses.replace(
        settings,
        strategies=(ARM[2],),
        controls=(CONTROL,),
        models={ARM[1]: settings.models[ARM[1]]},
        seeds=(0,),
    )
    in_fingerprints: set[str] = set()
    monkeypatch.setattr(resume, "fingerprint_of", fingerprinted_apart(settings, in_fingerprints))
    for name in ARGUMENTS:
        seen: set[str] = set()
        in_fingerprints.clear()
        # Imported anew, so that the statements at the top of the script and of its job count too.
        for module in (f"stages.{name}", f"lottery.pipeline.jobs.{name}"):
            monkeypatch.delitem(sys.modules, module, raising=False)
        imported.clear()
        stage = import_module(f"stages.{name}")
        stage.run(Recorder(settings, (), seen), *ARGUMENTS[name])
        assert bool(in_fingerprints) == (name in resume.TRAINING)
        if name != "code":
            listed = set(json.loads(paths.code(name).read_text()))
            chosen = tuple(code_digests.CHOSEN.get(name, ()))
            others = {module for module in imported if not module.startswith(chosen or "-")}
            assert {str(code_digests.file_of(module)) for module in others} <= listed, name
            assert f"stages/{name}.py" in listed
            assert (job_file(name) in listed) == (name in JOBS)
        if {"params.yaml": None} in STAGES[name].get("params", ()):
            continue  # all of them
        declared = {
            re.sub(r"\$\{(?:item\.)?([\w.]+)\}", lambda m: names.get(m[1], ARM[0]), entry)
            for entry in STAGES[name].get("params", ())
        }
        # A cell's settings are its model's, overridden by the cell's: reading one reads both.
        cell = f"train.{ARM[0]}-{ARM[1]}"
        if f"train.{ARM[1]}" in declared:
            declared.remove(f"train.{ARM[1]}")
            assert cell in declared
        for key in seen | in_fingerprints:
            assert any(key == entry or key.startswith(f"{entry}.") for entry in declared), key
        for entry in declared:
            assert any(key == entry or key.startswith(f"{entry}.") for key in seen), (name, entry)
