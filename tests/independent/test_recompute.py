"""The committed statistics, and those of made-up runs, agree with an independent recomputation."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from helpers import ROOT

from independent import recompute, tests_of_means, verdicts
from independent.comparison import Comparison
from independent.study import Study
from lottery.analysis import documents, tidy
from lottery.config import grid, params
from lottery.config.schema import Params
from lottery.pipeline import selection
from lottery.storage import csv_tables, files, paths

STUDIES = sorted(path.parent for path in (ROOT / "studies").glob("*/claims.yaml"))
LEVELS = 5


@pytest.mark.parametrize("folder", [ROOT, *STUDIES], ids=lambda path: path.name)
def test_the_committed_numbers(folder: Path) -> None:
    # `make studies` computes a study's statistics, whatever its dvc.lock says of the stage select.
    if folder == ROOT and is_outdated(folder):
        pytest.skip("claims.yaml or params.yaml has changed since DVC wrote these results")
    comparison = recompute.compare(folder)
    assert comparison.disagreements == []
    assert comparison.compared > 1000


def test_nothing_of_the_library_is_imported() -> None:
    for path in (ROOT / "tests" / "independent").glob("*.py"):
        if path.name != Path(__file__).name:
            assert "import lottery" not in (text := path.read_text())
            assert "from lottery" not in text


def is_outdated(folder: Path) -> bool:
    """Whether ``dvc.lock`` says that the stage select read other claims or parameters."""
    select = yaml.safe_load((folder / "dvc.lock").read_text())["stages"].get("select")
    if select is None:
        return False
    document = yaml.safe_load((folder / "params.yaml").read_text())
    digests = {dependency["path"]: dependency["md5"] for dependency in select["deps"]}
    read = select["params"]["params.yaml"]
    return digests["claims.yaml"] != files.digest(folder / "claims.yaml", "md5") or any(
        document.get(key) != value for key, value in read.items()
    )


def test_an_altered_number_is_reported(settings: Params) -> None:
    """One number in each numeric column of each table, and one verdict."""
    study = make_up(settings, 0, 5)
    altered = set(alter(paths.STATISTICS))
    curve = sorted(paths.CURVES.glob("*.csv"))[0]
    table = pd.read_csv(curve)
    table.loc[0, "remaining"] -= 1e-3
    table.to_csv(curve, index=False)
    metrics = json.loads(paths.metrics("claims").read_text())
    metrics["claims"][next(iter(metrics["claims"]))] = "made up"
    paths.metrics("claims").write_text(json.dumps(metrics))
    comparison = Comparison()
    recompute.results(study, comparison)
    reported = comparison.disagreements
    for name, column in altered:
        assert any(line.startswith(f"{name}: ") and f": {column}: " in line for line in reported), (
            name,
            column,
        )
    assert any(line.startswith(f"curves/{curve.stem}: ") for line in reported)
    assert any(line.startswith("metrics/claims.json: ") for line in reported)
    assert len(reported) == len(altered) + 2


def alter(folder: Path) -> Iterator[tuple[str, str]]:
    """Change a number of each column, and each verdict column; which table and column it was."""
    for path in sorted(folder.glob("*.csv")):
        table = pd.read_csv(path)
        for column in table:
            numbers = pd.api.types.is_float_dtype(table[column]) and table[column].notna().any()
            if numbers and column != "levels":
                row = table[column].first_valid_index()
                table.loc[row, column] += 1e-5 * abs(table.loc[row, column]) + 1e-6
                yield path.stem, column
            elif "verdict" in column or column == "finding":
                table.loc[0, column] = "made up"
                yield path.stem, column
        table.to_csv(path, index=False)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A grid of four cells, in a folder with the committed claims."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "claims.yaml", paths.CLAIMS)
    document = yaml.safe_load((ROOT / "profiles" / "full.yaml").read_text())
    document["seeds"] = list(range(5))
    document["controls"] = ["reinit_same_mask", "permuted_values"]
    document["strategies"] = ["winning_ticket", "late_rewinding", "random_reinit"]
    document["transfer"]["pairs"] = [{"from": "imdb", "to": "ag_news"}]
    document["models"]["lstm"]["embedding_std"] = 0.1
    paths.PARAMS.write_text(yaml.safe_dump(document))
    return params.load(paths.PARAMS)


@pytest.mark.parametrize(
    ("case", "seeds"),
    [
        *((case, 5) for case in (0, 3)),
        *(pytest.param(case, 5, marks=pytest.mark.slow) for case in (1, 2, 4, 5)),
        *(pytest.param(case, 12, marks=pytest.mark.slow) for case in range(6)),
    ],
)
def test_made_up_runs(settings: Params, case: int, seeds: int) -> None:
    """Of large and small effects, little and much noise, seeds that failed, cells without a ticket;
    so that each verdict appears."""
    study = make_up(settings, case, seeds)
    comparison = Comparison()
    recompute.results(study, comparison)
    assert comparison.disagreements == []
    findings = set(csv_tables.read(paths.STATISTICS / "contrasts.csv").finding)
    assert (
        findings
        >= [
            {"above", "below", "no difference beyond the margin"},
            {"above", "below", "no difference beyond the margin"},
            {"above", "below"},
            {"undecided", "not tested"},
            {"no difference beyond the margin"},
            {"undecided"},
        ][case]
    ), findings


def make_up(settings: Params, case: int, seeds: int) -> Study:
    """Write the results of a run that was made up, in the working directory."""
    random = np.random.default_rng(case)
    noise = [0.05, 0.1, 0.3, 1.0, 0.1, 0.0][case]
    effect = [0.3, 0.3, 2.0, 2.0, 0.05, 0.0][case]
    for cell in grid.cells(settings):
        majority = 89.6 if case == 3 and cell.model == "cnn" else 50.0
        luck = random.normal(90, 0.5, seeds)
        for run in grid.cell_runs(cell):
            slope = effect * random.normal()
            rows = made_up(luck, slope, noise, majority, run.arm in settings.strategies, random)
            if run.arm == "late_rewinding" and case == 2:
                rows = rows[rows.seed != 3]  # of a seed that failed
            table = rows.assign(arm=run.arm).reindex(columns=["arm", *tidy.COLUMNS["levels"]])
            folder = run.tables_folder
            csv_tables.write(table, folder / "levels.csv")
            classes = pd.DataFrame({"class": [0, 1]})
            csv_tables.write(classes, folder / "classes.csv")
    study = Study(Path())
    write_documents(study, random)
    selection.write(settings, selection.choose_tickets(settings))
    return study


def made_up(
    luck: np.ndarray,
    slope: float,
    noise: float,
    majority: float,
    is_strategy: bool,
    random: np.random.Generator,
) -> pd.DataFrame:
    """A pruning run whose accuracy changes by ``slope`` a level; other arms than strategies have
    levels 3 and 5."""
    rows = []
    for seed, dense in enumerate(luck):
        for level in range(LEVELS + 1) if is_strategy else (3, 5):
            density = 0.6**level + (1e-6 * seed if level else 0)
            shift = slope * level + (noise * random.normal() if level else 0)
            validation, test = dense + shift / 2, dense + shift
            scores = [validation, 0.3, test, 0.4, test - 1, test - 2, majority, majority]
            rows.append([seed, level, 1 - density, *scores])
    return pd.DataFrame(rows, columns=tidy.COLUMNS["levels"])


def write_documents(study: Study, random: np.random.Generator) -> None:
    """``plots/documents``: seeds as in the runs, the part of the documents made up."""
    rows: dict[str, list[dict[str, object]]] = {
        f"{cell}-{arm}": [] for cell in study.cells for arm in study.arms(cell)
    }
    claims = {key: claim for claim in study.claims for key in verdicts.keys(study, claim)}
    for key, claim in claims.items():
        cell, test, of, against, sparsity = key
        others = [arm for arm in (of, against) if arm not in ("dense", "winning_ticket")]
        arm = others[0] if others else "winning_ticket"
        if test == "ticket" or len(others) > 1 or not {*others} <= {*study.arms(cell)}:
            continue
        levels = study.chosen_levels(cell, of, against, claim)
        differences = study.differences(cell, of, against, levels)
        seeds, variance = len(differences), np.var(differences, ddof=1)
        document, residual = random.uniform(0, 400, 2)
        error = tests_of_means.document_error(variance, document, residual, seeds, 1000)
        numbers = [seeds, 1000, differences.mean(), variance, document, residual, error]
        text = " ".join(map(str, levels))
        row = dict(
            zip(documents.COLUMNS, [cell, of, against, sparsity, text, *numbers], strict=True)
        )
        if row not in rows[f"{cell}-{arm}"]:
            rows[f"{cell}-{arm}"].append(row)
    for name, of_arm in rows.items():
        table = pd.DataFrame(of_arm, columns=documents.COLUMNS)
        table = table.drop_duplicates(documents.COLUMNS[:4])
        csv_tables.write(table, paths.documents(name))
