"""The report on a corpus in words: what is used of it, and what a reader must be warned of.

:mod:`lottery.data.corpus_counts` counts, the stage tokenize writes ``data/corpora/<corpus>.json``;
the terminal, the summary and the page say it.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lottery.data.corpus_counts import LONG
from lottery.errors import LotteryError, brief, clipped, one_line
from lottery.storage import paths

Report = Mapping[str, Any]
FEW = 0.5
"""If no more than this share of the documents has more than one token, or fewer of the test tokens
are in the vocabulary, the tokenizer is probably the wrong one."""
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


def warnings(report: Report, file: str) -> list[str]:
    """What is probably not meant, with the key to change; ``file`` has the rows."""
    lines = []
    one, in_vocabulary = report["at_most_one_token"], report["splits"]["test"]["in_vocabulary"]
    if one > FEW:
        lines.append(
            f"{one:.0%} of the documents have at most one token; if the language is written "
            f"without spaces, {_advice(report)}"
        )
    elif in_vocabulary < FEW and "vocabulary_of" in report:
        lines.append(
            f"only {in_vocabulary:.0%} of the test tokens are words of {report['vocabulary_of']}, "
            "which it is read with; choose another source, or transfer.vocabulary: target"
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


def _whose(report: Report) -> str:
    return f", those of {report['vocabulary_of']}" if "vocabulary_of" in report else ""


def tokens_line(report: Report) -> str:
    """The vocabulary, and the tokens of a document."""
    lengths = report["tokens_per_document"]
    parts = [
        f"{report['vocabulary']:,} words{_whose(report)} ({report['tokenizer']})",
        f"tokens per document: median {lengths['median']:,.0f}, 95th percentile "
        f"{lengths['percentile_95']:,.0f}, maximum {lengths['maximum']:,}",
        f"{report['splits']['test']['in_vocabulary']:.1%} of the test tokens are in the vocabulary",
    ]
    if report.get("vectors"):
        parts.append(f"{report['vectors']['tokens_covered']['test']:.1%} have a vector")
    if report["at_most_one_token"]:
        parts.append(f"{report['at_most_one_token']:.1%} of the documents have at most one token")
    return "; ".join(parts)
