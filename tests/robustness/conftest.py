"""Fixtures of tests with hostile inputs."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import ROOT
from own_corpus import Project


@pytest.fixture
def project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "claims.yaml", tmp_path)
    handler = signal.getsignal(signal.SIGTERM)
    yield Project(capsys, monkeypatch)
    signal.signal(signal.SIGTERM, handler)
