"""Claims: the file, and how what the contrasts show is combined to a verdict."""

from pathlib import Path

import pandas as pd
import pytest
from accuracy_curves import SLEEP, arm, claim, pruning_run
from helpers import ROOT

from lottery.analysis import verdicts
from lottery.analysis.claims import Claim, load
from lottery.analysis.contrasts import contrasts, needed
from lottery.errors import LotteryError

CELLS = {
    f"{corpus}-{model}": (corpus, model)
    for corpus in ("a", "b", "c", "a-b")
    for model in ("cnn", "lstm")
}
NAMES = {
    "s": "supported",
    "c": "contradicted",
    "0": "no difference beyond the margin",
    "<": "a difference smaller than the margin",
    "u": "undecided",
    "n": "not tested",
    "m": "mixed",
}


@pytest.mark.parametrize(
    ("rule", "of_cells", "verdict"),
    [
        ("every_cell", "a-cnn s, a-lstm s", "s"),
        ("every_cell", "a-cnn s, a-lstm u", "u"),
        ("every_cell", "a-cnn s, a-lstm c", "c"),
        ("every_cell", "a-cnn u, a-lstm c", "c"),
        ("every_cell", "a-cnn s, a-lstm n", "s"),
        ("every_cell", "a-cnn n, a-lstm n", "n"),
        ("every_cell", "", "n"),
        ("every_cell", "a-cnn 0, a-lstm 0", "0"),
        ("every_cell", "a-cnn <, a-lstm <", "<"),
        ("every_cell", "a-cnn <, a-lstm 0", "0"),
        ("every_cell", "a-cnn s, a-lstm 0", "m"),
        ("every_cell", "a-cnn s, a-lstm <, b-cnn u", "u"),
        ("every_cell", "a-cnn c, a-lstm 0", "c"),
        ("every_cell", "a-cnn s, a-cnn s, a-lstm s", "s"),  # two arms in one cell
        ("every_cell", "a-cnn s, a-cnn c, a-lstm s", "c"),
        ("every_cell", "a-cnn s, a-cnn n, a-lstm s", "s"),
        ("every_cell", "a-cnn s, a-cnn n", "n"),
        ("every_model", "a-cnn s, b-cnn c, a-lstm u, b-lstm s", "s"),
        ("every_model", "a-cnn s, b-cnn s, a-lstm c, b-lstm u", "u"),
        ("every_model", "a-cnn s, b-cnn s, a-lstm c, b-lstm c", "c"),
        ("every_model", "a-cnn 0, b-cnn <, a-lstm 0, b-lstm 0", "0"),
        ("every_model", "a-cnn s, b-cnn s", "n"),  # one of the two was run
        ("every_model", "a-cnn c, b-cnn c", "n"),
        ("every_model", "a-cnn s, b-cnn s, a-lstm n", "n"),
        ("every_corpus", "a-cnn s, b-cnn u, a-lstm u, b-lstm s", "s"),
        ("every_corpus", "a-b-cnn s, a-b-lstm s, c-cnn u", "u"),
        ("every_corpus", "a-cnn s, a-lstm s", "n"),
        ("any", "x vs y s, x vs z c", "s"),
        ("any", "x vs y c, x vs z c", "c"),
        ("any", "x vs y c, x vs z u", "u"),
        ("any", "x vs y c, x vs z 0", "m"),
    ],
)
def test_the_rules_that_combine(rule: str, of_cells: str, verdict: str) -> None:
    entries = [entry.strip().rpartition(" ") for entry in of_cells.split(",") if entry]
    pairs = [(cell, NAMES[letter]) for cell, _, letter in entries]
    assert verdicts.combined(pairs, rule, CELLS) == NAMES[verdict]
    assert verdicts.combined(pairs[::-1], rule, CELLS) == NAMES[verdict]


def judged(
    *claims: Claim, documents: pd.DataFrame | None = None, **cells: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of claims, and that of their contrasts."""
    curves = {name.replace("_", "-"): curve for name, curve in cells.items()}
    required = needed(claims, dict.fromkeys(curves, 0.1))
    of_contrasts = verdicts.of_contrasts(
        required, contrasts(required, curves, 0.5, 0.5, {}, documents)
    )
    return verdicts.of_claims(claims, of_contrasts, CELLS), of_contrasts


def sleep(shift: float = 0.0, scale: float = 1.0) -> pd.DataFrame:
    return pruning_run("winning_ticket", (shift + scale * SLEEP)[:, None])


def test_two_claims_read_one_contrast_in_their_own_direction() -> None:
    claims = [
        claim(id=direction, direction=direction) for direction in ("above", "below", "different")
    ]
    table, of_contrasts = judged(*claims, a_cnn=sleep())
    assert table.verdict.tolist() == ["supported", "contradicted", "supported"]
    assert of_contrasts.verdict.tolist() == table.verdict.tolist()
    small, _ = judged(*claims, a_cnn=sleep(0.142, 0.1))
    assert set(small.verdict) == {NAMES["<"]}
    none, _ = judged(*claims, a_cnn=sleep(-0.158, 0.1))
    assert set(none.verdict) == {NAMES["0"]}


def test_verdicts_count_the_contrasts() -> None:
    first = claim(combine="every_model")
    table, of_contrasts = judged(
        first,
        claim(id="other", against=("snip",)),
        a_cnn=sleep(),
        a_lstm=pruning_run("winning_ticket", [[1.0]]),
    )
    assert list(table.columns) == verdicts.COLUMNS
    assert list(of_contrasts.columns) == verdicts.OF_CONTRASTS
    counts = [1, 0, 0, 0, 1, 0]
    assert table.loc[0].tolist() == ["it", "So it is.", "undecided", "undecided", *counts]
    assert table.loc[1].tolist()[2:] == ["not tested", "not tested", 0, 0, 0, 0, 0, 2]


def test_all_arms_must_show_the_effect() -> None:
    far = claim(of=("winning_ticket", "late_rewinding"), direction="below")
    losing = pruning_run("winning_ticket", [[-1.1], [-1.0], [-0.9]])
    for other, verdict in ((-3.0, "supported"), (3.0, "contradicted"), (0.0, "mixed")):
        late = pruning_run("late_rewinding", [[other - 0.1], [other + 0.05], [other + 0.1]])
        table, _ = judged(far, a_cnn=pd.concat([losing, late]))
        assert table.verdict.tolist() == [verdict]
    wide = pruning_run("late_rewinding", [[-3.0], [-1.0], [0.0]])
    table, _ = judged(far, a_cnn=pd.concat([losing, wide]))
    assert table.verdict.tolist() == ["undecided"]
    table, of_contrasts = judged(far, a_cnn=losing)
    assert of_contrasts.verdict.tolist() == ["supported", "not tested"]
    assert table.verdict.tolist() == ["not tested"]


@pytest.mark.parametrize(
    ("of_ticket", "verdict"), [(-2.0, "supported"), (0.3, "supported"), (2.0, "contradicted")]
)
def test_a_match_with_another_arm(of_ticket: float, verdict: str) -> None:
    """As with dense: less than the margin (1 point) below it, or more than that."""
    tickets = pruning_run("winning_ticket", [[of_ticket - 0.1], [of_ticket], [of_ticket + 0.1]])
    transferred = arm("transferred", [[90.0], [90.0], [90.05]], levels=[1])
    matches = claim(test="matching", of=("transferred",), against=("winning_ticket",))
    table, _ = judged(matches, a_cnn=pd.concat([tickets, transferred]))
    assert table.verdict.tolist() == [verdict]


def test_a_verdict_that_the_documents_change() -> None:
    """Of a claim about two cells, documents are known of one."""
    keys = {"cell": "a-cnn", "of": "winning_ticket", "against": "dense", "sparsity": "0.3 to 0.5"}
    documents = pd.DataFrame([{**keys, "standard_error": 5.0}])
    table, of_contrasts = judged(claim(), a_cnn=sleep(), a_lstm=sleep(), documents=documents)
    assert of_contrasts.verdict.tolist() == ["supported"] * 2
    assert of_contrasts.verdict_with_documents[0] == "undecided"
    assert pd.isna(of_contrasts.verdict_with_documents[1])
    (row,) = table.to_dict("records")
    assert (row["verdict"], row["verdict_with_documents"]) == ("supported", "undecided")


def test_the_claims_of_this_study_are_well_formed() -> None:
    claims = load(ROOT / "claims.yaml")
    assert len(claims) == 18
    assert {"late_matches", "values_matter", "scale_is_not_enough"} <= {one.id for one in claims}
    table, of_contrasts = judged(*claims)
    assert of_contrasts.empty
    assert set(table.verdict) == {"not tested"}
    required = needed(claims, {"a-cnn": 0.1, "a-lstm": 0.1})
    distinct = {contrast for _, contrast in required}
    assert len(required) == 2 * 19 + 1
    assert len(distinct) == 2 * 17 + 1  # two claims share a match, two others a difference


GOOD = (
    "{id: it, sentence: So., test: difference, of: [snip], against: [dense],"
    " sparsity: [0.5, 0.9], combine: any"
)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"- {GOOD}, levle: 1}}", "it.levle: unknown key"),
        (f"- {GOOD.replace('[snip]', '[snp]')}}}", "or control 'snp'; did you mean 'snip'?"),
        (f"- {GOOD.replace('[snip]', '[dense]')}}}", "unknown strategy or control 'dense'"),
        (f"- {GOOD.replace('[snip]', 'snip')}}}", "it.of: "),
        (f"- {GOOD.replace('0.9', '0.1')}}}", "from the smaller to the larger"),
        (f"- {GOOD.replace('0.9', '.nan')}}}", "it.sparsity"),
        (f"- {GOOD.replace('difference', 'ticket')}}}", "takes none of sparsity, "),
        (f"- {GOOD}, sparsity_nearest: 0.8}}", "needs one of sparsity, sparsity_at_least, "),
        (f"- {GOOD.replace('sparsity: [0.5, 0.9], ', '')}}}", "needs one of sparsity, "),
        (f"- {GOOD}, sparsity_at_least: 1.5}}", "it.sparsity_at_least"),
        (
            f"- {GOOD.replace('[dense]', '[dense, snip]').replace('difference', 'matching')}}}",
            "one",
        ),
        (f"- {GOOD.replace('[snip]', '[transfered]')}}}", "did you mean 'transferred'?"),
        (f"- {GOOD}}}\n- {GOOD}}}", "it: appears twice"),
        ("- {sentence: So.}", "claim 1.id: missing"),
        ("- 3", "claim 1: "),
        ("{}", "expected a list of claims"),
        ("[]", "expected a list of claims"),
    ],
)
def test_a_claim_that_makes_no_sense_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(text)
    with pytest.raises(LotteryError) as caught:
        load(path)
    assert complaint in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
