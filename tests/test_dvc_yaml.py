"""dvc.yaml says the truth: code deps are the imports, params are what is read."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml
from conftest import ROOT, Repository, make_repository

from lottery import params, registry

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


@pytest.fixture(scope="module")
def graph() -> Any:
    return grimp.build_graph("stages", "lottery", "tools", cache_dir=None)


def file_of(module: str) -> str:
    """The file of a module, from the root."""
    path = Path("src" if module.startswith("lottery") else "", *module.split("."))
    package = path / "__init__.py"
    return str(package if (ROOT / package).exists() else path.with_suffix(".py"))


def closure(graph: Any, module: str) -> set[str]:
    """The module, all it imports, and the packages around them, whose __init__ runs too."""
    modules = {module, *graph.find_upstream_modules(module)}
    for name in sorted(modules):
        while "." in name:
            name = name.rpartition(".")[0]
            modules.add(name)
    return modules


@pytest.mark.parametrize("name", STAGES)
def test_code_deps_are_the_imports(graph: Any, name: str) -> None:
    declared = {dep for dep in STAGES[name]["deps"] if dep.endswith(".py") or dep in CHOSEN}
    modules = closure(graph, f"stages.{name}")
    for dep in declared & set(CHOSEN):
        package = CHOSEN[dep]
        chosen = {f"{package}.{module}" for module in registry.names(package)}
        for module in chosen:
            modules |= closure(graph, module) - chosen
    assert declared - set(CHOSEN) == {file_of(module) for module in modules}
    assert all((ROOT / dep).is_file() for dep in declared - set(CHOSEN))


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
    """Runs each stage in the process, in order, over params that note what is read of them."""
    monkeypatch.chdir(smoke.path)
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
        stage = __import__(f"stages.{name}", fromlist=["run"])
        stage.run(Recorder(settings, (), seen), *ARGUMENTS[name])
        declared = {
            re.sub(r"\$\{(?:item\.)?(\w+)\}", lambda m: names.get(m[1], CELL[0]), entry)
            for entry in STAGES[name]["params"]
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
