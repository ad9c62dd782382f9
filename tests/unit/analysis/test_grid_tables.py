"""The tables over the grid: which cell's corpus, model and settings decide which verdict."""

from dataclasses import replace
from typing import Any

import pandas as pd
from helpers import ROOT

from lottery.analysis import grid_tables, majority
from lottery.analysis.claims import Claim
from lottery.config import grid, params
from lottery.config.schema import Params


def two_by_two() -> Params:
    """Two corpora, the quick profile's two models; the LSTM's embedding drawn more widely."""
    settings = params.load(ROOT / "profiles" / "quick.yaml")
    lstm = replace(settings.models["lstm"], embedding_std=1.0)
    corpora = dict.fromkeys(("one", "other"), settings.corpora["reuters_r8"])
    models = {"cnn": settings.models["cnn"], "lstm": lstm}
    return replace(settings, corpora=corpora, models=models)


def curve(gain: float) -> pd.DataFrame:
    """Six seeds of a pruning run, ``gain`` points above dense at its one level, give or take."""
    rows = [
        ("winning_ticket", seed, level, 0.4 * level, 90.0, 90 + level * (gain + 0.1 * (seed % 3)))
        for seed in range(6)
        for level in (0, 1)
    ]
    names = ["arm", "seed", "level", "sparsity", "validation_accuracy", "test_accuracy"]
    by_class = dict.fromkeys(["test_balanced_accuracy", "test_macro_f1"], 70.0)
    majority_rates = dict.fromkeys(["validation_majority", "test_majority"], 50.0)
    return pd.DataFrame(rows, columns=names).assign(**by_class, **majority_rates)


def claim(name: str, **changes: Any) -> Claim:
    keys = {"test": "difference", "of": ("winning_ticket",), "against": ("dense",)}
    return Claim(id=name, sentence="So it is.", **{**keys, "sparsity": (0.3, 0.5), **changes})


def test_a_cells_model_and_corpus_decide_its_group() -> None:
    """Only the CNN gains, on both corpora: that is so for every corpus, and not for every model."""
    settings = two_by_two()
    curves = {
        cell.name: curve(5.0 if cell.model == "cnn" else -0.1) for cell in grid.cells(settings)
    }
    to_test = (
        claim("corpora", combine="every_corpus"),
        claim("models", combine="every_model"),
        claim("narrow", combine="every_cell", embedding_std_at_most=0.5),
    )
    tickets = {name: pd.DataFrame({"arm": ["dense"]}) for name in curves}
    dense = {name: majority.dense_row(curve, 2, 0.5) for name, curve in curves.items()}
    tables = grid_tables.tables(settings, to_test, curves, tickets, dense, pd.DataFrame())
    verdicts = dict(zip(tables["claims"].claim, tables["claims"].verdict, strict=True))
    assert verdicts == {"corpora": "supported", "models": "mixed", "narrow": "supported"}
    by_claim = tables["claim_contrasts"].groupby("claim").cell.agg(list)
    assert by_claim["narrow"] == [cell.name for cell in grid.cells(settings) if cell.model == "cnn"]
    assert list(tables["contrasts"].cell) == list(curves), "three claims need the same four"
    assert list(tables["tickets"].cell) == list(curves)


def test_a_cell_that_learned_nothing_is_tested_for_no_ticket() -> None:
    """Neither a match nor the ticket's sparsity, also in a pair with another cell; the rest is."""
    settings = two_by_two()
    names = [cell.name for cell in grid.cells(settings)]
    curves = {name: curve(0.1) for name in names}
    curves[names[0]] = curves[names[0]].assign(validation_majority=89.9)
    to_test = (
        claim("matches", test="matching", combine="every_cell"),
        claim(
            "sparsity",
            test="ticket",
            sparsity=None,
            against=("winning_ticket",),
            direction="different",
            combine="any",
        ),
        claim("gains", combine="every_cell"),
    )
    dense = {name: majority.dense_row(curves[name], 2, 0.5) for name in names}
    tickets = {name: pd.DataFrame({"arm": ["dense"]}) for name in names}
    contrasts = grid_tables.tables(settings, to_test, curves, tickets, dense, pd.DataFrame())[
        "contrasts"
    ]
    untested = contrasts[contrasts.finding == "not tested"]
    assert untested.test.tolist() == ["matching", *["ticket"] * 3]
    assert untested.cell.str.contains(names[0]).all()
    assert untested.reason.str.contains("most frequent class for 89.9 %").all()
    assert untested.reason.iloc[1].startswith(f"{names[0]}: on validation")
    assert contrasts.drop(untested.index).reason.isna().all()
