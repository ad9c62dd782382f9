"""Numbers in README.md, studies/README.md and docs/ are those of the committed tables.

Each sentence is written here with the numbers computed, and must be in the document. Whoever
changes a sentence or a table changes it in both places.
"""

import json
import re
import subprocess
import sys

import pandas as pd
import pytest
from helpers import ROOT
from statsmodels.stats.multitest import multipletests

STUDIES = ROOT / "studies"
WINNING, LATE, FRESH = "winning_ticket", "late_rewinding", "reinit_same_mask"
SHUFFLED = "shuffled_mask"
CLAIMS = {
    "far pruning hurts, whatever the start": "far_pruning_hurts",
    "late rewinding beats rewinding to initialization": "late_beats_initial",
    "winning tickets beat networks pruned from fresh weights": "winning_beats_own_trajectory",
    "winning tickets beat their masks on fresh weights": "winning_beats_same_mask",
    "moderate pruning helps": "moderate_pruning_helps",
    "a winning ticket matches dense": "both_models_match",
    "a fifth of the weights matches dense": "overparameterised",
}


def text(path: str) -> str:
    """A document with each run of white space as one space."""
    return " ".join((ROOT / path).read_text(encoding="utf-8").split())


def cells() -> list[str]:
    """The studies that ran with Holm's correction."""
    tables = STUDIES.glob("*/plots/statistics/contrasts.csv")
    return sorted(table.parts[-4] for table in tables if "p_holm" in table.read_text())


def table_of(lines: list[str], start: str) -> list[list[str]]:
    """The rows of the first Markdown table whose header begins with ``start``, in ``lines``."""
    begin = next(n for n, line in enumerate(lines) if line.startswith(start))
    rows = []
    for line in lines[begin + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|\n").split("|")])
    return rows


def of_study(cell: str, name: str) -> pd.DataFrame:
    return pd.read_csv(STUDIES / cell / "plots" / f"{name}.csv")


def table(cell: str, arm: str, name: str) -> pd.DataFrame:
    return of_study(cell, f"tables/{cell}-{arm}/{name}")


def difference(cell: str, of: str, against: str, *levels: int) -> float:
    """Of test accuracies, over seeds and levels."""
    means = []
    for arm in (of, against):
        rows = table(cell, arm, "levels")
        means.append(rows[rows.level.isin(levels)].test_accuracy.mean())
    return float(means[0] - means[1])


def first_loss(cell: str, arm: str, level: int) -> float:
    """The training loss after the first epoch, over seeds."""
    rows = table(cell, arm, "epochs")
    return float(rows[(rows.level == level) & (rows.epoch == 1)].train_loss.mean())


@pytest.mark.parametrize("cell", cells())
def test_verdicts_of_the_studies(cell: str) -> None:
    """Each row of a study's table of claims: verdict, effect, interval and p."""
    section = (STUDIES / "README.md").read_text().split(f"\n## {cell}:")[1].split("\n## ")[0]
    rows = table_of(section.splitlines(), "| claim |")
    contrasts = of_study(cell, "statistics/contrasts").set_index("claim")
    assert {re.sub(r" \(first.*", "", row[0]) for row in rows} == CLAIMS.keys()
    for sentence, verdict, effect, p in rows:
        contrast = contrasts.loc[CLAIMS[re.sub(r" \(first.*", "", sentence)]]
        assert verdict == contrast.verdict, sentence
        values = [contrast.effect, contrast.low, contrast.high]
        printed = re.findall(r"-?\d+\.\d+", effect)
        for number, value in zip(printed, values, strict=False):
            decimals = len(number.split(".")[1])
            assert float(number) == pytest.approx(value, abs=0.5001 * 10**-decimals), sentence
        worse = min(1.0, 2 * len(contrasts) * (1 - contrast.p))
        is_worse = "matches" in sentence and verdict == "contradicted"
        expected = [worse] if is_worse else [contrast.p_holm, worse]
        for number, value in zip(re.findall(r"\d+(?:\.\d+)?", p), expected, strict=False):
            decimals = len(number.partition(".")[2])
            if p.startswith("<"):
                assert value < float(number), sentence
            else:
                assert value == pytest.approx(float(number), abs=0.5001 * 10**-decimals), sentence


def flat(contrasts: pd.DataFrame) -> pd.DataFrame:
    """With the columns ``holm`` (corrected p) and ``worse`` (p of a match, that it is worse)."""
    worse = (2 * len(contrasts) * (1 - contrasts.p)).clip(upper=1)
    return contrasts.assign(holm=multipletests(contrasts.p, method="holm")[1], worse=worse)


@pytest.mark.skipif(len(cells()) < 4, reason="about four studies together")
def test_how_the_studies_verdicts_depend_on_the_correction() -> None:
    """Two repeated contrasts counted once, and the contrasts of all runs corrected together."""
    runs = {cell: of_study(cell, "statistics/contrasts") for cell in cells()}
    repeated = {"both_tasks_match", "winning_survives_small_embedding"}
    once = {cell: flat(run[~run.claim.isin(repeated)]) for cell, run in runs.items()}
    matches = {cell: run[run.claim == "both_models_match"].iloc[0] for cell, run in once.items()}
    contradicted, supported = matches["ag_news-cnn"].worse, matches["ag_news-lstm"].holm
    assert max(contradicted, supported) < 0.05
    document = text("studies/README.md")
    assert f"contradicted for the CNN (p = {contradicted:.3f})" in document
    assert f"supported for the LSTM (p = {supported:.3f})" in document

    together = flat(pd.concat(runs.values(), ignore_index=True))
    assert f"over the {len(together)} contrasts of the four runs together" in document
    is_match = together.claim.isin(["both_models_match", "both_tasks_match", "overparameterised"])
    decided = (together.holm < 0.05) | (is_match & (together.worse < 0.05))
    changed = together[(together.verdict != "undecided") & ~decided]
    assert set(changed.cell) == {"imdb-cnn"}
    assert set(changed.claim) - repeated == {
        "far_pruning_hurts",
        "late_beats_initial",
        "moderate_pruning_helps",
        "both_models_match",
        "overparameterised",
    }


def test_sizes_of_the_studies() -> None:
    """Documents, weights, epochs and learning rates in the table that all studies share."""
    lines = (STUDIES / "README.md").read_text().splitlines()
    rows = table_of(lines, "| cell | trained on |")
    assert {row[0] for row in rows} >= set(cells())
    for cell, train, validation, test, _, epochs, rate, weights, _ in rows:
        if cell not in cells():
            continue
        levels = table(cell, WINNING, "levels")
        for documents, accuracy in ((validation, "validation"), (test, "test")):
            right = levels[f"{accuracy}_accuracy"] * int(documents.replace(",", "")) / 100
            assert (right - right.round()).abs().max() < 1e-6, (cell, accuracy)
        classes = table(cell, WINNING, "classes").query("seed == 0 and level == 0")
        assert classes.documents.sum() == int(test.replace(",", ""))
        share = int(validation.replace(",", "")) / (
            int(validation.replace(",", "")) + int(train.replace(",", ""))
        )
        assert share == pytest.approx(0.3, abs=1e-4)
        tensors = table(cell, WINNING, "tensors").query("seed == 0 and level == 1")
        assert tensors["size"].sum() == int(weights.replace(",", ""))
        trained = table(cell, WINNING, "epochs")
        assert trained.epoch.max() == int(epochs)
        assert f"lr: {rate}," in (STUDIES / cell / "params.yaml").read_text()


def sentences(cell: str) -> list[tuple[str, str]]:
    """Documents, and parts of them with numbers from the tables of a study."""
    readme, studies = "README.md", "studies/README.md"
    shuffled = {level: difference(cell, WINNING, SHUFFLED, level) for level in (2, 4, 6)}
    late = difference(cell, LATE, WINNING, 2, 3, 4)
    fresh = difference(cell, FRESH, WINNING, 2, 4)
    distance = of_study(cell, "statistics/contrasts").set_index("claim").detectable
    if cell == "ag_news-cnn":
        ticket, redrawn = (first_loss(cell, arm, 2) for arm in (WINNING, FRESH))
        return [
            (readme, f"the initial weights, by {late:.1f} points on AG News"),
            (readme, f"in the same positions, by {fresh:.1f} and"),
            (readme, f"was {ticket:.2f}, that of fresh weights under its mask {redrawn:.2f}"),
            (studies, f"is {ticket:.2f}, that of fresh weights under the same mask {redrawn:.2f}"),
            (studies, f"is {shuffled[4]:.1f} points below the winning ticket at 87 % sparsity"),
            (studies, f"and {shuffled[6]:.1f} at 95 %. At 64 % it is {-shuffled[2]:.1f} points"),
        ]
    if cell == "imdb-cnn":
        return [
            (readme, f"on AG News and {late:.1f} on IMDb"),
            (readme, f"and {fresh:.1f} points (at 64 % and 87 % sparsity)"),
            (studies, f"beats the ticket at 64 % sparsity (by {-shuffled[2]:.1f} points)"),
        ]
    if cell == "ag_news-lstm":
        names = ["winning_beats_own_trajectory", "winning_beats_same_mask", "late_beats_initial"]
        least, most = min(distance[names]), max(distance[names])
        return [
            (readme, f"could be detected ({most:.1f} points would have been"),
            (studies, f"({least:.2f} to {most:.2f} points would have been found"),
            (studies, f"is {shuffled[2]:.1f} points below the winning ticket at 64 %, "),
            (studies, f"at 64 %, {shuffled[4]:.1f} at 87 % and {shuffled[6]:.0f} at 95 %"),
        ]
    least, *others = sorted(distance.round(1).unique())
    return [
        (studies, f"the shuffled mask is {shuffled[6]:.0f} points"),
        (studies, f"of {least} points for moderate pruning, and of {others[0]} to {others[-1]} "),
    ]


@pytest.mark.parametrize("cell", cells())
def test_sentences_have_the_numbers_of_the_tables(cell: str) -> None:
    for document, part in sentences(cell):
        assert part in text(document), document


def script(name: str) -> str:
    """What the command after the comment ``name`` of docs/study-2020.md prints."""
    document = (ROOT / "docs/study-2020.md").read_text()
    code = document.split(f"<!-- {name} -->")[1].split("<<'END'\n")[1].split("\nEND\n")[0]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_2020_studys_tickets_are_the_best_of_twenty_levels() -> None:
    printed = [line.split(" | ") for line in script("best of twenty").splitlines()]
    document = (ROOT / "docs/study-2020.md").read_text().split("<!-- headline -->")[1]
    assert printed == table_of(document.splitlines(), "| cell | arm |")
    assert sum(row[3] == row[5] and row[4] == row[6] for row in printed) == 7
    assert sum(float(row[3]) > float(row[2]) for row in printed) == 6
    curves = json.loads((ROOT / "src/lottery/report/seed_study.json").read_text())["curves"]
    for name, arms in {"AG News, CNN": "ag_news-cnn", "IMDb, LSTM": "imdb-lstm"}.items():
        dense = [curve[0] for curve in curves[arms].values()]
        assert f"{min(dense):.2f} to {max(dense):.2f} ({name})" in text("docs/study-2020.md")


def test_the_best_of_flat_levels_mostly_exceeds_dense() -> None:
    assert script("no effect") == "10 levels: 0.91\n20 levels: 0.95\n"


def same(printed: str, value: float) -> bool:
    """Whether ``printed`` is ``value``, to as many decimals as it has."""
    decimals = len(printed.partition(".")[2])
    return abs(float(printed) - value) <= 0.5001 * 10**-decimals


def test_the_study_at_the_2020_studys_settings() -> None:
    """Each row of its table: verdict, effect, and the interval that the verdict rests on."""
    section = (STUDIES / "README.md").read_text().split("\n## ag_news-cnn-full:")[1]
    rows = table_of(section.split("\n## ")[0].splitlines(), "| claim |")
    statistics = "statistics/claim_contrasts", "statistics/contrasts"
    by_claim, contrasts = (of_study("ag_news-cnn-full", name) for name in statistics)
    keys = ["cell", "test", "of", "against", "sparsity"]
    tested = by_claim.merge(contrasts, on=keys).set_index("claim")
    claims = {
        "winning tickets beat their masks": "winning_beats_same_mask",
        "the same beyond 90 %": "winning_beats_same_mask_when_sparse",
        "a ticket's values matter": "values_matter",
        "their scale is not enough": "scale_is_not_enough",
        "far pruning hurts": "far_pruning_hurts",
        "moderate pruning helps": "moderate_pruning_helps",
        "a fifth of the weights": "overparameterised",
        "a winning ticket matches": "both_models_match",
        "late rewinding matches": "late_matches",
        "late rewinding beats": "late_beats_initial",
        "winning tickets beat networks pruned": "winning_beats_own_trajectory",
    }
    assert len(rows) == len(claims)
    points = {}
    for (sentence, verdict, effect, interval), (words, claim) in zip(
        rows, claims.items(), strict=True
    ):
        # The mildest effect of a claim about several arms, "whatever the start".
        contrast = tested.loc[[claim]].sort_values("effect").iloc[-1]
        points[claim] = f"{abs(contrast.effect):.1f}"
        assert sentence.startswith(words)
        assert verdict == contrast.verdict
        assert effect == f"{contrast.effect:+.2f}"
        assert interval == f"{contrast.family_low:.2f} to {contrast.family_high:.2f}"
    readme = text("README.md")
    assert f"it is {points['moderate_pruning_helps']} points worse" in readme
    assert f"by {points['winning_beats_same_mask']} points on average" in readme
    assert f"beyond 90 %, by {points['winning_beats_same_mask_when_sparse']}" in readme
    assert f"permuted within each layer they are {points['values_matter']} points worse" in readme
    assert f"a fresh draw of the same size {points['scale_is_not_enough']}." in readme


def test_the_single_levels_of_the_study_at_full_settings() -> None:
    """What the section says of levels that no claim is about."""
    levels = of_study("ag_news-cnn-full", "statistics/levels")
    means = levels.pivot(index="level", columns="arm", values="accuracy")
    sparsity = levels[levels.arm == WINNING].set_index("level").sparsity
    fresh = (means[FRESH] - means[WINNING]).dropna()
    retrained = means["random_reinit"]
    above_dense = retrained[retrained > retrained[0]]
    last = sparsity[above_dense.index.max()]
    assert above_dense.index.max() == len(above_dense)
    below_ticket = sparsity[retrained < means[WINNING]]
    assert sparsity[sparsity > 0.8].equals(below_ticket)
    section = text("studies/README.md")
    for sentence in (
        f"At 49 % fresh weights under the mask are {fresh[3]:.1f} points *better* than the ticket",
        f"at 79 % {fresh[7]:.1f} points; at 89 % they are {-fresh[10]:.1f} points worse",
        f"and at 98.8 % {-fresh[20]:.1f} points.",
        f"a mask with shuffled positions is {means[SHUFFLED][3] - means[WINNING][0]:.1f} points",
        f"even better than dense up to {100 * last:.0f} % sparsity, by at most "
        f"{(above_dense - retrained[0]).max():.1f} points, and fall below the ticket beyond 80 %",
    ):
        assert sentence in section, sentence


def test_the_default_run_in_the_readme() -> None:
    """What README says of the quick profile, from the committed results."""
    statistics = {
        name: pd.read_csv(ROOT / f"plots/statistics/{name}.csv")
        for name in ("claims", "contrasts", "dense")
    }
    claims, contrasts = statistics["claims"], statistics["contrasts"]
    decided = ~claims.verdict.isin(["undecided", "not tested"])
    assert decided.sum() == 8
    verdicts = claims.set_index("claim").verdict
    for claim in ("both_models_match", "far_pruning_hurts", "winning_beats_same_mask"):
        assert verdicts[claim] == "supported"
    cells = ["reuters_r8-cnn", "reuters_r8-lstm"]
    of_fresh = contrasts[(contrasts.against == FRESH) & (contrasts.sparsity == "0.5 to 0.9")]
    cnn, lstm = of_fresh.set_index("cell").effect[cells]
    dense = statistics["dense"].set_index("cell").test_accuracy[cells]
    linear = pd.read_csv(ROOT / "plots/tables/reuters_r8-baseline/baseline.csv").test_accuracy
    assert (dense < linear.item()).all()
    readme = text("README.md")
    assert "It still decides eight claims." in readme
    assert f"by {cnn:.1f} points (CNN) and {lstm:.1f} (LSTM)" in readme
    networks = " and ".join(f"{accuracy:.1f}" for accuracy in dense)
    assert f"a linear model ({linear.item():.1f} %) beats both networks ({networks} %)" in readme


def test_tickets_in_the_readme() -> None:
    cells = json.loads((ROOT / "benchmarks/tickets.json").read_text())["cells"]
    lines = (ROOT / "README.md").read_text().splitlines()
    rows = table_of(lines, "| cell | faster than")
    assert [row[0] for row in rows] == [cell["cell"] for cell in cells]
    for row, cell in zip(rows, cells, strict=True):
        faster, file = cell["times_faster"], cell["file"]["float16"]
        accuracy = {contender["contender"]: contender["accuracy"] for contender in cell["rows"]}
        values = [
            *(faster[name]["median"] for name in ("PyTorch eager", "ONNX Runtime float32")),
            faster["ONNX Runtime int8"]["median"],
            file["times_smaller_than_dense_float32"],
            file["times_the_limit_words_apart"],
        ]
        levels = [accuracy[f"ticket, level {level}"] for level in (0, cell["level"])]
        is_trained = not cell["cell"].endswith("untrained")
        assert is_trained or row[6] == "not trained"
        values += levels if is_trained else []
        printed = [*row[1:6], *(row[6].split(", ") if is_trained else [])]
        assert all(map(same, printed, values)), (row, values)


def test_steps_and_accuracies_on_the_page_about_speed() -> None:
    results = json.loads((ROOT / "benchmarks/results.json").read_text())
    lines = (ROOT / "docs/performance.md").read_text().splitlines()
    corpora = {"IMDb": "imdb", "AG News": "ag_news"}
    for row in table_of(lines, "| cell | study | plain | ours |"):
        model, corpus = row[0].split(", ")
        cell = results[f"{corpora[corpus]}-{model}"]
        names = ("study_s", "plain_s", "ours_s", "ours_bf16_s")
        assert all(map(same, row[1:5], (cell[name] for name in names))), row
        for printed, name in zip(row[5:], ("study_over_ours", "plain_over_ours"), strict=True):
            values = [cell[name], *cell[f"{name}_spread"]]
            assert all(map(same, re.findall(r"[\d.]+", printed), values)), row
    accuracy = {
        (f"{entry['cell']}, level {entry['level']}", entry["contender"]): entry
        for entry in results["accuracy"]
    }
    for row in table_of(lines, "| | plain, float32 | ours, float32 |"):
        level = 5 if "level 5" in row[0] else 0
        model = row[0].split(",")[0]
        for printed, contender in zip(row[1:], ("plain", "float32", "bfloat16"), strict=True):
            if printed != "not run":
                entry = accuracy[f"ag_news-{model}, level {level}", contender]
                values = (entry["mean"], entry["deviation"])
                assert all(map(same, printed.split(" ± "), values)), row
