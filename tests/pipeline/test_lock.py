"""What is installed is what was locked, and nothing read from a file can run code."""

import ast
import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path

import pytest
from helpers import ROOT

PINNED = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)==([A-Za-z0-9.]+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def entries(file: str = "requirements.lock") -> dict[str, list[str]]:
    """The version and the hashes of each locked name."""
    locked: dict[str, list[str]] = {}
    text = (ROOT / file).read_text().replace(' ; sys_platform == "linux"', "")
    for line in text.replace("\\\n", " ").splitlines():
        pin, *hashes = line.split()
        matched = PINNED.fullmatch(pin)
        assert matched, f"{pin} is not the pin of a release: a build, an address, an option?"
        assert matched[1] not in locked, f"{pin} appears twice"
        locked[matched[1]] = [matched[2], *hashes]
    return locked


@pytest.mark.parametrize(
    "file", ["requirements.lock", "requirements-ray.lock", "requirements-triton.lock"]
)
def test_every_entry_has_hashes(file: str) -> None:
    for name, (_, *hashes) in entries(file).items():
        assert hashes, name
        assert all(HASH.fullmatch(entry) for entry in hashes), name
        assert len(set(hashes)) == len(hashes), name


def test_torch_is_pinned_by_itself() -> None:
    """Its hash is that of one build; what only one build needs is not in the lock either."""
    assert (ROOT / "requirements-torch.lock").read_text() == "torch==2.13.0\n"
    locked = entries()
    assert not [name for name in locked if re.match(r"(torch|triton|pip|nvidia-.*|cuda-.*)$", name)]
    assert list(entries("requirements-triton.lock")) == ["triton"]
    shared = "filelock fsspec jinja2 markupsafe mpmath networkx setuptools sympy typing-extensions"
    assert set(shared.split()) <= set(locked)


def test_ray_is_locked_apart() -> None:
    """The default installation does not bring it, nor what only it needs; both fit together."""
    default, ray = entries(), entries("requirements-ray.lock")
    assert "ray" in ray
    assert not default.keys() & ray.keys()
    assert not [name for name in ray if re.match(r"(torch|triton|pip|nvidia-.*|cuda-.*)$", name)]


def test_all_that_the_project_names_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = {**entries(), **entries("requirements-ray.lock")}
    extras = project["optional-dependencies"].values()
    for requirement in [*project["dependencies"], *chain.from_iterable(extras)]:
        name = re.match(r"[A-Za-z0-9-]+", requirement)
        assert name
        assert name[0].lower() in {*locked, "torch"}, requirement
        if "==" in requirement:
            version = requirement.partition("==")[2]
            assert fnmatch(locked[name[0]][0], version)


FORBIDDEN = {
    *("pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"),
    *("torch.load", "torch.save", "torch.jit.load", "torch.package", "torch.hub"),
    *("pandas.read_pickle", "pd.read_pickle"),
    *("yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "yaml.Loader", "yaml.UnsafeLoader"),
    *("eval", "exec"),
}
"""What can run code that comes in a file, by the names that our code imports them under."""


def dangers(tree: ast.AST) -> Iterator[str]:
    """Each use of what is forbidden, of yaml.load with a loader not ours, or of allow_pickle."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            used = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            used = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module or ""]
        elif isinstance(node, ast.Attribute):
            used = [ast.unparse(node)]
        elif isinstance(node, ast.Call):
            used = [ast.unparse(node.func)]
            for keyword in node.keywords:
                if keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False":
                    yield "allow_pickle"
            loaders = [keyword for keyword in node.keywords if keyword.arg == "Loader"]
            ours = [ast.unparse(loader.value) for loader in loaders] == ["_StrictLoader"]
            if used == ["yaml.load"] and not ours:
                yield "yaml.load"
        else:
            continue
        yield from FORBIDDEN.intersection(used)
        yield from {name.partition(".")[0] for name in used} & FORBIDDEN


@pytest.mark.parametrize("folder", ["src", "stages", "tools", "benchmarks"])
def test_no_file_is_unpickled(folder: str) -> None:
    paths = sorted((ROOT / folder).rglob("*.py"))
    assert paths
    used = {
        str(path.relative_to(ROOT)): sorted(set(dangers(ast.parse(path.read_text()))))
        for path in paths
    }
    assert not {path: names for path, names in used.items() if names}


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib as j",
        "torch.load(path)",
        "from torch import load",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.Loader)",
        "yaml.load(text, Loader=yaml.SafeLoader)",
        "pd.read_pickle(path)",
    ],
)
def test_what_would_be_noticed(code: str) -> None:
    assert list(dangers(ast.parse(code)))


def test_the_loader_is_a_safe_one() -> None:
    """ruff's S506 is silenced where it is used."""
    text = (ROOT / "src" / "lottery" / "config" / "strict_yaml.py").read_text()
    assert "class _StrictLoader(yaml.SafeLoader):" in text


def test_no_path_or_address_in_the_locks() -> None:
    for path in ROOT.glob("requirements*.lock"):
        assert not re.search(r"://|@|/|#", Path(path).read_text())
