"""``dvc plots diff``: two revisions side by side, in the colors of the figures."""

import json
import shutil
from typing import Any

import pandas as pd
import pytest
import yaml
from helpers import ROOT, Repository

from lottery.report import styles

ARMS = ["winning_ticket", "late_rewinding", "random_reinit", "a_control"]
"""Not in the order of the alphabet."""


def curves(shift: float) -> pd.DataFrame:
    """A cell's table in ``plots/curves``, as far as it is drawn."""
    rows = [
        (arm, seed, level, 100 * 0.5**level, 80 - level + seed + shift)
        for arm in ARMS
        for seed in range(3)
        for level in range(3)
    ]
    return pd.DataFrame(rows, columns=["arm", "seed", "level", "remaining", "test_accuracy"])


@pytest.fixture(scope="module")
def drawing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What DVC makes of the template, for a commit and what has changed since."""
    repository = Repository(tmp_path_factory.mktemp("plots"))
    path = repository.path
    table = path / "plots" / "curves" / "corpus-cnn.csv"
    table.parent.mkdir(parents=True)
    repository.run("git", "init", "-q", "-b", "main")
    shutil.copytree(ROOT / ".dvc", path / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache"))
    plots = yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"]
    (path / "dvc.yaml").write_text(yaml.safe_dump({"plots": plots}))
    curves(0.0).to_csv(table, index=False)
    repository.commit("before")
    curves(-2.0).to_csv(table, index=False)
    output = repository.run("dvc", "plots", "diff", "HEAD", "--json")
    (renderers,) = json.loads(output)["data"].values()
    content: dict[str, Any] = renderers[0]["content"]
    return content


def test_colors_are_those_of_the_figures(drawing: dict[str, Any]) -> None:
    """The first arm has the first color, as in :func:`styles.lines`; the alphabet plays no part."""
    color = drawing["encoding"]["color"]
    assert color["field"] == "arm"
    assert color["scale"] == {"range": [line.color for line in styles.LINES]}
    assert color["sort"] is None, "by first appearance"
    appeared = list(dict.fromkeys(row["arm"] for row in drawing["data"]["values"]))
    assert appeared == ARMS == list(styles.lines(ARMS))


def test_a_band_is_the_range_of_one_revisions_seeds(drawing: dict[str, Any]) -> None:
    assert {row["rev"] for row in drawing["data"]["values"]} == {"workspace", "HEAD"}
    *_, aggregate = drawing["transform"]
    assert aggregate["groupby"] == ["rev", "arm", "level"]
    fields = {entry["as"]: entry["op"] for entry in aggregate["aggregate"]}
    band, line, points = drawing["layer"]
    assert band["mark"]["type"] == "area"
    assert fields[band["encoding"]["y"]["field"]] == "min"
    assert fields[band["encoding"]["y2"]["field"]] == "max"
    assert band["encoding"]["detail"] == {"field": "rev"}
    for layer in (line, points):
        assert fields[layer["encoding"]["y"]["field"]] == "mean"


def test_revisions_can_be_told_apart(drawing: dict[str, Any]) -> None:
    """By dash and by marker, each with a legend that shows it."""
    _, line, points = drawing["layer"]
    dash, shape = line["encoding"]["strokeDash"], points["encoding"]["shape"]
    assert dash["field"] == shape["field"] == "rev"
    assert len({tuple(value) for value in dash["scale"]["range"]}) == 4
    assert len(set(shape["scale"]["range"])) == 4
    assert dash["legend"]["symbolType"] == "stroke"
    # Vega-Lite would merge legends of one field and title into one that shows neither.
    assert dash["title"] != shape["title"]
