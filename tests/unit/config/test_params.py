"""Whatever is unknown, missing or impossible in params.yaml is refused by its full name."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers import ROOT

from lottery.config import params
from lottery.errors import LotteryError
from lottery.models import cnn
from lottery.pipeline.check import check

QUICK = yaml.safe_load((ROOT / "params.yaml").read_text())
PROFILES = [ROOT / "params.yaml", *sorted((ROOT / "profiles").glob("*.yaml"))]

BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 12)
)
"""Half a kilobyte that unfolds into 9 ** 11 lists."""


def changed(key: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(QUICK)
    *sections, last = key.split("/")
    section = document
    for name in sections:
        section = section[name]
    if value is ...:
        del section[last]
    else:
        section[last] = value
    return document


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_every_profile_is_valid(path: Path) -> None:
    check(params.load(path), ROOT)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("prune/rate", 0, "prune.rate: must be greater than 0"),
        ("prune/rate", 1, "prune.rate: must be less than 1"),
        ("prune/rate", 1.5, "prune.rate: must be less than 1"),
        ("prune/rate", "a", "prune.rate: must be a valid number, got 'a'"),
        ("prune/rate", True, "prune.rate: must be a valid number"),
        ("prune/rate", float("nan"), "prune.rate: must be a finite number"),
        ("prune/raet", 0.2, "prune.raet: unknown key; did you mean 'rate'"),
        ("prune/levels", 3, "prune: give either 'levels' or 'until'"),
        ("prune/parameters", [], "prune.parameters: empty"),
        ("prune/parameters", ["biases", "biases"], "prune.parameters: the same entry"),
        ("prune", None, "prune: must be a mapping, got None"),
        ("tokens/vocabulary", 70_000, "tokens.vocabulary: must be less than or equal to 65000"),
        ("tokens/vectors", "glove", "tokens.vectors: must be 'glove.6B.50d'"),
        ("train/cnn/batch", {}, "train.cnn.batch: give either 'documents' or 'tokens'"),
        ("train/cnn/batch", {"documents": 8, "tokens": 9}, "train.cnn.batch: give either"),
        ("train/cnn/batch", {"documents": 0}, "train.cnn.batch.documents: must be greater"),
        ("train/cnn/batch", 64, "train.cnn.batch: must be"),
        ("precision", "float16", "precision: must be 'float32', 'tf32' or 'bfloat16'"),
        ("seeds", [], "seeds: empty"),
        ("seeds", [1, 1], "seeds: the same entry appears twice"),
        ("seeds", [-1], "seeds.0: must be greater than or equal to 0"),
        ("corpora", {}, "corpora: empty"),
        (
            "corpora/Bad-name",
            {"source": "x.py"},
            "corpora.Bad-name: 'Bad-name' is not a valid name",
        ),
        ("corpora/reuters_r8/label", "x", "corpora.reuters_r8: 'text', 'label'"),
        ("corpora/mine", {"source": "x.csv"}, "corpora.mine: a file needs both 'text'"),
        ("train/cnn/epochs", ..., "train.cnn.epochs: missing"),
        ("corpora/reuters_r8/sourc", "x", "sourc: unknown key; did you mean 'source'"),
        ("train/reuters_r8-cnn/lr", "x", "train.reuters_r8-cnn.lr: must be a valid"),
        ("train/reuters_r8-cnn", ..., "train.reuters_r8-cnn: missing; add"),
        ("train/reuters_r8-cn", {}, "train.reuters_r8-cn: not a model or a cell"),
        ("train/reuters_r8-cnn/epoch", 3, "epoch: unknown key; did you mean 'epochs'"),
        ("rewind/epoch", 3, "rewind.epoch: 3 leaves no epoch to train"),
        ("sedes", [1], "sedes: unknown key; did you mean 'seeds'"),
        ("device", "gpu", "device: must be 'auto', 'cpu' or 'cuda'"),
        ("strategies", ["a b"], "strategies.0: 'a b' is not a valid name"),
    ],
)
def test_impossible_values_are_refused_by_name(key: str, value: Any, message: str) -> None:
    with pytest.raises(LotteryError, match=r"^params\.yaml: ") as error:
        params.parse(changed(key, value))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "'a' appears twice"),
        ("a: &x [1]\nb: *x", "aliases"),
        ("a: !!python/object:os.system {}", "not valid YAML"),
        ("b: 1\na: !!python/object/apply:os.system [ls]", "line 2: tags .* are not allowed"),
        ("a: !!int ''", "tags"),
        ("a: !!map [1]", "tags"),
        ("a: !mine 1", "tags"),
        ("a: {<<: {b: 1}}", "merge keys"),
        ("<<: {b: 1}", "merge keys"),
        ("a: {b: {c: 1, c: 2}}", "'c' appears twice"),
        (BOMB, "aliases"),
        ("a: [", "not valid YAML"),
        ("a: " + "[" * 10_000, "not valid YAML"),
        ("{a: " * 10_000, "not valid YAML"),
        ("a: " + "[" * 150 + "]" * 150, r"a(\.0){19}: nested more than 20 deep"),
        ('a: "\\UFFFFFFFF"', "not valid YAML"),
        ('a: "\\ud800"', "a: .* contains half a surrogate pair"),
        ('"a\\nb": 1', r"'a\\nb': unknown key"),
        ("a: 2020-01-01", "a: 2020-01-01 is a date"),
        ("a: 0x" + "f" * 5_000, r"a: the number is too large \(more than 63 bits\)"),
        ("a: 010", "'010' is not a decimal number"),
        ("a: 1:30", "'1:30' is not a decimal number"),
        ("a: 1\n---\na: 1", "not valid YAML"),
        ("a:\n\tb: 1", "not valid YAML"),
        ("? [a]\n: 1", "is not a string"),
        ("1: 2", "is not a string"),
        ("- 1", "expected a mapping"),
        ("", "expected a mapping"),
    ],
)
def test_strange_yaml_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(LotteryError, match=message) as error:
        params.load(path)
    assert str(error.value).isprintable()
    assert str(error.value).startswith(f"{path}: ")


def test_model_options_are_checked_by_name() -> None:
    model = params.parse(changed("models/cnn/options", {"filters": 0, "widths": [3]})).models["cnn"]
    with pytest.raises(LotteryError, match=r"models\.cnn\.options: filters must be from 1"):
        params.options(model, cnn.Options, "cnn")
    model = params.parse(changed("models/cnn/options/filter", 1)).models["cnn"]
    with pytest.raises(LotteryError, match=r"models.cnn.options.filter: unknown key"):
        params.options(model, cnn.Options, "cnn")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("strategies", ["winning_tickets"], r"^strategies\.0: .* did you mean 'winning_ticket'"),
        ("models", {"gru": QUICK["models"]["cnn"]}, r"^models\.gru: unknown model 'gru'"),
        ("corpora/reuters_r8/source", "src/lottery/corpora/r8.py", "r8.py not found"),
        (
            "corpora/reuters_r8/source",
            "stages/train.py",
            r"^corpora\.reuters_r8\.source: .* module",
        ),
        ("corpora/reuters_r8/source", "src/lottery/corpora/__init__.py", "not a corpus module"),
        ("corpora/reuters_r8/source", "x" * 5_000 + ".py", r"reuters_r8\.source: x.* not found"),
        ("corpora/reuters_r8/source", "a\nb.py", "source: a b.py not found"),
        ("corpora/reuters_r8/source", "\0.py", "source: .* not found"),
    ],
)
def test_what_params_name_must_be_there(key: str, value: Any, message: str) -> None:
    document = changed(key, value)
    if key == "models":
        document["train"] = dict.fromkeys(("gru",), QUICK["train"]["cnn"])
        document["train"] |= {f"{corpus}-gru": {} for corpus in document["corpora"]}
    with pytest.raises(LotteryError, match=message):
        check(params.parse(document), ROOT)


def test_params_are_the_quick_profile() -> None:
    """It is there twice, so that ``make repro PROFILE=quick`` can return to it."""
    quick = (ROOT / "profiles" / "quick.yaml").read_bytes()
    assert (ROOT / "params.yaml").read_bytes() == quick


@pytest.mark.parametrize("number", ["1e-05", "1e-3", "+2E-1", "0.00001"])
def test_numbers_as_dvc_writes_them(tmp_path: Path, number: str) -> None:
    """DVC writes YAML 1.2, where a float needs no point."""
    text = (ROOT / "params.yaml").read_text()
    assert text.count("reuters_r8-cnn: {lr: 0.005}") == 1
    path = tmp_path / "params.yaml"
    path.write_text(text.replace("-cnn: {lr: 0.005}", f"-cnn: {{lr: {number}}}"))
    assert params.load(path).train["reuters_r8-cnn"].lr == float(number)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(LotteryError, match="cannot be read"):
        params.load(tmp_path)
    (tmp_path / "params.yaml").write_text("seeds: [0x" + "f" * 5000 + "]")
    with pytest.raises(LotteryError):
        params.load(tmp_path / "params.yaml")


def test_a_cell_overrides_its_model() -> None:
    document = changed("train/reuters_r8-cnn", {"lr": 0.5})
    parsed = params.parse(document)
    assert parsed.train["reuters_r8-cnn"].lr == 0.5
    assert parsed.train["reuters_r8-cnn"].epochs == parsed.train["reuters_r8-cnn"].epochs
