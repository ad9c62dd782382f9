"""The report on a corpus: what was read, what is used, and what a reader must be warned of.

``data/corpora/<corpus>.json``, which the terminal, the summary and the page say in words.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lottery.config.schema import Tokens
from lottery.data.text.tokenized import Tokenized
from lottery.errors import LotteryError, brief, clipped, one_line
from lottery.storage import paths
from lottery.storage.token_arrays import UNK, TokenArrays

Report = Mapping[str, Any]
LONG = 10_000
"""Tokens of a document: four times the longest of IMDb."""
FEW = 0.5
"""A share of test tokens in the vocabulary, or of documents with more than one token, that is
probably due to the wrong tokenizer."""
LISTED = 30
"""How many classes are printed at most."""


def load(corpus: str) -> Report | None:
    """The report on ``corpus``; None if there is none.

    Raises LotteryError for a damaged one.
    """
    path = paths.corpus_report(corpus)
    try:
        report: Report = json.loads(path.read_text(encoding="utf-8"))
        notes(report)
        list(lines(report))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LotteryError(
            f"{path}: damaged ({brief(error)}); run 'dvc repro' to regenerate it"
        ) from None
    return report


def duplicates(contradictory: np.ndarray, copies: np.ndarray, dropped: bool) -> dict[str, Any]:
    """How many documents were read, and how many are equal; both bool ``[documents]``."""
    return {
        "documents_read": len(copies),
        "duplicates_are_dropped": dropped,
        "duplicates": int(copies.sum()),
        "contradictory": int(contradictory.sum()),
    }


def tokens(
    documents: Tokenized,
    parts: Mapping[str, pd.DataFrame],
    arrays: Mapping[str, TokenArrays],
    classes: Sequence[str],
    settings: Tokens,
) -> dict[str, Any]:
    """Counts of each split, and of the tokens of all documents that are used.

    ``documents`` are those of the corpus table, with all words; ``parts`` say which are in which
    split.
    """
    rows = np.concatenate([part.index for part in parts.values()])
    lengths = documents.lengths
    used = (
        lengths[rows]
        if settings.max_tokens is None
        else lengths[rows].clip(max=settings.max_tokens)
    )
    longest = int(rows[used.argmax()])
    return {
        "tokenizer": settings.tokenizer,
        "max_tokens": settings.max_tokens,
        "tokens_per_document": {
            "median": float(np.median(lengths[rows])),
            "percentile_95": float(np.percentile(lengths[rows], 95)),
            "maximum": int(lengths[rows].max()),
        },
        "at_most_one_token": float((lengths[rows] <= 1).mean()),
        "without_a_token": int((lengths[rows] == 0).sum()),
        "longest": {"row": longest + 1, "tokens": int(used.max())},
        "longer_than_sensible": int((used > LONG).sum()),
        "classes": list(classes),
        "splits": {
            split: _split(arrays[split], lengths[part.index], classes, settings.max_tokens)
            for split, part in parts.items()
        },
    }


def _split(
    arrays: TokenArrays, lengths: np.ndarray, classes: Sequence[str], limit: int | None
) -> dict[str, Any]:
    """Counts of one split; ``lengths`` are those of its documents with all words."""
    counts = np.bincount(arrays.labels, minlength=len(classes)).tolist()
    return {
        "documents": len(lengths),
        "of_class": dict(zip(classes, counts, strict=True)),
        "tokens": len(arrays.ids),
        "cut_at_max_tokens": int((lengths > limit).sum()) if limit is not None else 0,
        "in_vocabulary": float(np.mean(arrays.ids != UNK)),
    }


def warnings(report: Report, file: str) -> list[str]:
    """What is probably not meant, with the key to change; ``file`` has the rows."""
    lines = []
    one, in_vocabulary = report["at_most_one_token"], report["splits"]["test"]["in_vocabulary"]
    if one > FEW:
        lines.append(
            f"{one:.0%} of the documents have at most one token; if the language is written "
            f"without spaces, {_advice(report)}"
        )
    elif in_vocabulary < FEW:
        lines.append(
            f"only {in_vocabulary:.0%} of the test tokens are in the vocabulary; if words are not "
            f"separated by spaces, {_advice(report)}"
        )
    if report["longer_than_sensible"]:
        others = report["longer_than_sensible"] - 1
        more = f" (and {others:,} more documents over {LONG:,})" if others else ""
        lines.append(
            f"row {report['longest']['row']:,} of {file} has {report['longest']['tokens']:,} "
            f"tokens{more}, so an epoch may take very long; set tokens.max_tokens to use the first "
            "ones only, or split the document"
        )
    return lines


def _advice(report: Report) -> str:
    if report["tokenizer"] == "basic_english":
        return "set tokens.tokenizer: unicode"
    return "choose another tokens.tokenizer, such as character"


def print_lines(corpus: str, report: Report) -> None:
    """Print the report and its warnings."""
    for line in lines(report):
        print(f"{corpus}: {line}")
    for warning in report["warnings"]:
        print(f"{corpus}: warning: {warning}")


def notes(report: Report) -> list[str]:
    """What the page says of the corpus: the report without the classes, warnings first."""
    warnings = [f"Warning: {warning}" for warning in report["warnings"]]
    return [*warnings, documents_line(report), *similar_lines(report), tokens_line(report)]


def lines(report: Report) -> Iterator[str]:
    """The report in short lines, without the warnings."""
    yield documents_line(report)
    for split, part in report["splits"].items():
        yield f"{split}: {class_counts(part['of_class'])}"
    yield from similar_lines(report)
    yield tokens_line(report)


def class_counts(counts: Mapping[str, int]) -> str:
    """Each class with its documents: ``bad 10, good 90``; of many classes the first ones."""
    classes = [f"{clipped(one_line(name), 40)} {count:,}" for name, count in counts.items()]
    more = f", and {len(classes) - LISTED:,} more" if len(classes) > LISTED else ""
    return ", ".join(classes[:LISTED]) + more


def documents_line(report: Report) -> str:
    """How many documents are used, and how many are duplicates."""
    counts = {split: part["documents"] for split, part in report["splits"].items()}
    parts = ", ".join(f"{split} {count:,}" for split, count in counts.items())
    verb = "dropped" if report["duplicates_are_dropped"] else "not dropped"
    return (
        f"{sum(counts.values()):,} of {report['documents_read']:,} documents used ({parts}); "
        f"{verb}: {report['duplicates']:,} duplicates, {report['contradictory']:,} contradictory "
        "documents (same words, other class)"
    )


def similar_lines(report: Report) -> Iterator[str]:
    """Documents that become equal when cut, and near-duplicates."""
    equal = report["equal_up_to_max_tokens"]
    if equal["documents"]:
        yield (
            f"{equal['documents']:,} documents equal another one in their first "
            f"{report['max_tokens']:,} tokens; {equal['test_documents']:,} of them are test "
            "documents that equal a training document"
        )
    near, test = report["near_duplicates"], report["splits"]["test"]["documents"]
    if near["test_documents"] is None:
        yield f"near-duplicates between training and test were not counted: {near['not_counted']}"
    else:
        yield (
            f"{near['test_documents']:,} of {test:,} test documents "
            f"({near['test_documents'] / test:.1%}) have a near-duplicate in training, "
            "with over 80% of the word 4-grams of both in common"
        )


def tokens_line(report: Report) -> str:
    """The vocabulary, and the tokens of a document."""
    lengths = report["tokens_per_document"]
    parts = [
        f"{report['vocabulary']:,} words ({report['tokenizer']})",
        f"tokens per document: median {lengths['median']:,.0f}, 95th percentile "
        f"{lengths['percentile_95']:,.0f}, maximum {lengths['maximum']:,}",
        f"{report['splits']['test']['in_vocabulary']:.1%} of the test tokens are in the vocabulary",
    ]
    if report.get("vectors"):
        parts.append(f"{report['vectors']['tokens_covered']['test']:.1%} have a vector")
    if report["at_most_one_token"]:
        parts.append(f"{report['at_most_one_token']:.1%} of the documents have at most one token")
    return "; ".join(parts)
