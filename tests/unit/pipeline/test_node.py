"""What travels to a node of a cluster, without a cluster."""

import json
import os
from pathlib import Path

import pytest

import lottery
from lottery.pipeline.executors import node


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A library with a compiled kernel, as it travels."""
    source = tmp_path / "src"
    (source / "lottery" / "kernels" / "__pycache__").mkdir(parents=True)
    (source / "lottery" / "__init__.py").write_text("")
    (source / "lottery" / "kernels" / "lstm.py").write_text("the kernel")
    os.utime(source / "lottery" / "kernels" / "lstm.py", ns=(1_000, 123_456_789_012_345_678))
    for name in ("lstm.step-1.py311.nbi", "lstm.step-1.py311.1.nbc", "lstm.cpython-311.pyc"):
        (source / "lottery" / "kernels" / "__pycache__" / name).write_text(name)
    folder = tmp_path / "packed"
    node.pack_code(source, folder)
    return folder


def test_code_travels_without_what_a_cluster_leaves_out(packed: Path) -> None:
    """Ray leaves out ``__pycache__``."""
    names = {str(path.relative_to(packed)) for path in packed.rglob("*") if path.is_file()}
    assert names == {
        "times.json",
        "src/lottery/__init__.py",
        "src/lottery/kernels/lstm.py",
        "compiled/lottery/kernels/lstm.step-1.py311.nbi",
        "compiled/lottery/kernels/lstm.step-1.py311.1.nbc",
    }


def test_what_was_compiled_is_current_where_it_arrives(
    packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numba compares the time of the source; a second unit on the node changes nothing."""
    kernels = packed / "src" / "lottery" / "kernels"
    os.utime(kernels / "lstm.py")
    monkeypatch.setattr(lottery, "__file__", str(packed / "src" / "lottery" / "__init__.py"))
    node.unpack()
    assert (kernels / "lstm.py").stat().st_mtime_ns == 123_456_789_012_345_678
    compiled = kernels / "__pycache__" / "lstm.step-1.py311.nbi"
    before = compiled.stat().st_mtime_ns
    assert compiled.read_text() == "lstm.step-1.py311.nbi"
    node.unpack()
    assert compiled.stat().st_mtime_ns == before


def test_code_that_has_not_traveled_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "src" / "lottery").mkdir(parents=True)
    monkeypatch.setattr(lottery, "__file__", str(tmp_path / "src" / "lottery" / "__init__.py"))
    node.unpack()
    assert [path.name for path in tmp_path.rglob("*")] == ["src", "lottery"]


def test_the_times_of_all_sources_travel(packed: Path) -> None:
    times = json.loads((packed / "times.json").read_text())
    assert times["lottery/kernels/lstm.py"] == 123_456_789_012_345_678
