"""dvc.yaml says the truth: code is what is imported, params are what is read."""

import builtins
import dataclasses
import json
import re
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml
from conftest import ROOT, Repository, make_repository

from lottery import params, paths
from stages import code

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
STAGES = {name: stage.get("do", stage) for name, stage in PIPELINE.items()}
CHOSEN = {
    "${item.source}": "lottery.corpora",
    "src/lottery/models/${item.model}.py": "lottery.models",
    "src/lottery/pruning/controls/${item.control}.py": "lottery.pruning.controls",
    "src/lottery/pruning/criteria/${prune.criterion}.py": "lottery.pruning.criteria",
    "src/lottery/pruning/strategies/${item.strategy}.py": "lottery.pruning.strategies",
}
"""Modules that a parameter chooses, and the package they come from."""


@pytest.mark.parametrize("name", sorted(set(STAGES) - {"code"}))
def test_a_stage_depends_on_its_code(name: str) -> None:
    declared = STAGES[name]["deps"]
    assert str(paths.code(name)) in declared
    chosen = {CHOSEN[dep] for dep in declared if dep in CHOSEN}
    assert chosen == set(code.CHOSEN.get(name, ()))
    others = {dep for dep in declared if dep.endswith(".py") and dep not in CHOSEN}
    assert not others


def test_a_stages_code_is_what_it_imports() -> None:
    graph = grimp.build_graph("stages", "lottery", cache_dir=None)
    found = {name: code.modules(graph, name) for name in STAGES}
    for name, modules in found.items():
        assert {"stages", f"stages.{name}", "lottery", "lottery.params"} <= modules
        assert all((ROOT / code.file_of(module)).is_file() for module in modules)
    assert {"stages._dense", "lottery.kernels.windows"} <= found["train"], "of a model it chooses"
    assert "lottery.models.cnn" not in found["train"], "chosen, so in dvc.yaml by itself"
    assert not {"lottery.text.tokens", "stages._chain", "lottery.report"} & found["train"]
    assert "lottery.training.progress" not in found["plot"]


def test_no_dep_is_a_parent_of_a_cached_out() -> None:
    cached = [
        out
        for stage in STAGES.values()
        for entry in stage["outs"]
        for out, options in (entry.items() if isinstance(entry, dict) else [(entry, {})])
        if options.get("cache", True)
    ]
    assert len(cached) == 6
    for stage in STAGES.values():
        for dep in stage["deps"]:
            assert not any(out.startswith(f"{dep}/") for out in cached), dep


def test_every_stage_has_a_script_and_help() -> None:
    scripts = {path.stem for path in (ROOT / "stages").glob("[!_]*.py")}
    assert scripts == set(STAGES)


class Recorder:
    """Stands in for params and notes the full name of each value that is read."""

    def __init__(self, value: Any, path: tuple[str, ...], seen: set[str]) -> None:
        self.__dict__.update(_value=value, _path=path, _seen=seen)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self._value, name)
        return self._wrap(name, found) if not callable(found) else found

    def _wrap(self, name: str, found: Any) -> Any:
        path = (*self._path, name)
        if (
            isinstance(found, Mapping)
            and found
            and dataclasses.is_dataclass(next(iter(found.values())))
        ):
            return RecorderMapping(found, path, self._seen)
        if dataclasses.is_dataclass(found):
            return Recorder(found, path, self._seen)
        self._seen.add(".".join(path))
        return found


class RecorderMapping(Mapping):  # type: ignore[type-arg]
    """The same for a section with one entry a name; going through the names reads the section."""

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


CELL = ("rotten_tomatoes", "cnn", "winning_ticket")
CONTROL = "reinit_same_mask"
ARGUMENTS = {
    "code": (),
    "download": CELL[:1],
    "tokenize": CELL[:1],
    "train": CELL[:2],
    "prune": CELL,
    "evaluate": CELL,
    "branch": (*CELL[:2], CONTROL),
    "connectivity": CELL[:2],
    "select": (),
    "plot": (),
}


def test_params_declared_are_params_read(
    smoke: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs each stage in the process, in order, over params that note what is read of them; and
    notes which of our modules it imports on the way."""
    monkeypatch.chdir(smoke.path)
    imported: set[str] = set()
    original = builtins.__import__

    def noting(
        name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> Any:
        module = original(name, globals, locals, fromlist, level)
        if name.partition(".")[0] in ("stages", "lottery"):
            full = {f"{name}.{part}" for part in fromlist or ()} & set(sys.modules)
            imported.update(full or {name})
        return module

    monkeypatch.setattr(builtins, "__import__", noting)
    settings = params.load(Path("params.yaml"))
    names = {"corpus": CELL[0], "model": CELL[1], "strategy": CELL[2]}
    settings = dataclasses.replace(
        settings,
        strategies=(CELL[2],),
        controls=(CONTROL,),
        models={CELL[1]: settings.models[CELL[1]]},
        seeds=(0,),
    )
    for name in ARGUMENTS:
        seen: set[str] = set()
        stage = import_module(f"stages.{name}")
        imported.clear()
        stage.run(Recorder(settings, (), seen), *ARGUMENTS[name])
        if name != "code":
            known = set(json.loads(paths.code(name).read_text()))
            chosen = tuple(code.CHOSEN.get(name, ()))
            others = {module for module in imported if not module.startswith(chosen or "-")}
            assert {str(code.file_of(module)) for module in others} <= known, name
        declared = {
            re.sub(r"\$\{(?:item\.)?(\w+)\}", lambda m: names.get(m[1], CELL[0]), entry)
            for entry in STAGES[name].get("params", ())
        }
        # A cell's settings are its model's with its own laid over: reading one reads both.
        cell = f"train.{CELL[0]}-{CELL[1]}"
        if f"train.{CELL[1]}" in declared:
            declared.remove(f"train.{CELL[1]}")
            assert cell in declared
        for key in seen:
            assert any(key == entry or key.startswith(f"{entry}.") for entry in declared), key
        for entry in declared:
            assert any(key == entry or key.startswith(f"{entry}.") for key in seen), (name, entry)
