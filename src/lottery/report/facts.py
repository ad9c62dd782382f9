"""What was trained on what, one row per cell: sizes, documents, tokens, epochs."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from lottery.config import grid
from lottery.config.schema import Params
from lottery.report.content import COLUMNS

Reports = Mapping[str, Mapping[str, Any] | None]
"""By corpus: :func:`lottery.data.corpus_report.load`."""


def table(
    params: Params,
    reports: Reports,
    baselines: Mapping[str, Mapping[str, Any]],
    tensors: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """The table ``facts`` of :class:`lottery.report.content.Content`.

    ``baselines`` has what the stage baseline measured, by corpus; ``tensors`` a table per cell.
    """
    rows = [
        {
            "cell": cell.name,
            "parameters": _parameters(tensors.get(cell.name, pd.DataFrame())),
            **_documents(reports.get(cell.corpus)),
            "max_tokens": params.tokens.max_tokens,
            "epochs": cell.train_settings.epochs,
            "linear_model": baselines.get(cell.corpus, {}).get("test_accuracy"),
            "linear_model_bytes": baselines.get(cell.corpus, {}).get("bytes"),
        }
        for cell in grid.cells(params)
    ]
    return pd.DataFrame(rows, columns=COLUMNS["facts"].split())


def _parameters(tensors: pd.DataFrame) -> int | None:
    """How many numbers the dense network has: those of one seed of one arm at one level."""
    if tensors.empty:
        return None
    first = tensors.iloc[0]
    is_one = (tensors.arm == first.arm) & (tensors.seed == first.seed)
    return int(tensors[is_one & (tensors.level == first.level)]["size"].sum())


def _documents(report: Mapping[str, Any] | None) -> dict[str, float]:
    if report is None:
        return {}
    counts = {split: part["documents"] for split, part in report["splits"].items()}
    train = report["splits"]["train"]
    mean = train["tokens"] / train["documents"] if train["documents"] else float("nan")
    return {**counts, "tokens_per_document": mean}


def ticket_bytes(parameters: float, sparsity: float) -> float:
    """The size of a ticket: a float32 per remaining weight, and a bit per weight for the mask.

    Of the dense network (sparsity 0) there is no mask.
    """
    mask = parameters / 8 if sparsity else 0.0
    return 4 * parameters * (1 - sparsity) + mask
