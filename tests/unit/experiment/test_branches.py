"""Controls, criteria and branches: what each keeps of the ticket, and what it changes."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest
import torch
import torch.nn.functional as F
from conftest import MODELS
from hypothesis import given, settings
from hypothesis import strategies as st
from test_progress import interrupted, same
from test_runs import PRUNE, chain, quiet, strategy
from torch import nn

from lottery import batches, branches, registry, runs, seeds
from lottery.batches import Documents
from lottery.cells import Cell
from lottery.errors import LotteryError
from lottery.models import Weights, cnn, kind
from lottery.pruning import masks
from lottery.pruning.control import Control, NotForThisModelError, Ticket
from lottery.pruning.criteria.magnitude import CRITERION as MAGNITUDE
from lottery.pruning.criteria.random import CRITERION as RANDOM
from lottery.pruning.criterion import Criterion
from lottery.pruning.masks import RemovedAt
from lottery.pruning.strategy import Dense, Start
from lottery.runs import DenseRun, Level
from lottery.training import loop
from lottery.training.progress import Progress

MakeCell = Callable[..., Cell]
Starts = list[tuple[Weights, Weights, loop.Plan]]
Winner = tuple[DenseRun, list[Level]]
WINNERS: dict[object, Winner] = {}
CONTROLS = registry.names("lottery.pruning.controls")
# SynFlow is not for an LSTM: a test of its own says so.
PAIRS = [
    (model, name) for model in MODELS for name in CONTROLS if (model, name) != ("lstm", "synflow")
]
# Few distinct magnitudes, both signs and zero: ties everywhere.
VALUES = st.lists(st.sampled_from([0.0, 0.5, -0.5, 1.0, -1.0, 2.0]), min_size=2, max_size=30)
NAMES = ("bias", "deep", "embedding", "weight")
TENSORS = st.tuples(*[VALUES] * len(NAMES)).map(
    lambda lists: {name: torch.tensor(values) for name, values in zip(NAMES, lists, strict=True)}
)


def control(name: str) -> Control:
    return registry.load("lottery.pruning.controls", name, "control").CONTROL


def prune(**changes: object) -> SimpleNamespace:
    return SimpleNamespace(**{**vars(PRUNE), **changes})


def winner(cell: Cell, **changes: object) -> Winner:
    """A dense run and the chain of its winning ticket; trained once for alike cells."""
    how = prune(**changes)
    shapes = tuple((name, value.shape) for name, value in cell.model.named_parameters())
    key = (shapes, str(cell.settings), str(cell.train), str(cell.rewind), str(how))
    if key not in WINNERS:
        dense = runs.dense(cell, 0, quiet)
        found = runs.chain(cell, strategy("winning_ticket"), MAGNITUDE, dense, 0, how, quiet)
        WINNERS[key] = dense, list(found)
    return WINNERS[key]


def branch(
    cell: Cell, name: str, dense: DenseRun, record: RemovedAt, level: int, **changes: object
) -> Level:
    return branches.branch(cell, control(name), dense, record, level, 0, prune(**changes), quiet)


def ticket_of(
    cell: Cell, dense: DenseRun, record: RemovedAt, level: int, seed: int = 0, **changes: object
) -> Ticket:
    """What a branch gives to its control."""
    taken: list[Ticket] = []

    class Taken(Exception):
        pass

    def take(ticket: Ticket) -> NoReturn:
        taken.append(ticket)
        raise Taken

    with pytest.raises(Taken):
        branches.branch(cell, Control(take), dense, record, level, seed, prune(**changes), quiet)
    return taken[0]


def copies(weights: Weights) -> Weights:
    return {name: value.clone() for name, value in weights.items()}


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Starts:
    """What each training was given: weights, masks, plan."""
    found: Starts = []
    train = loop.train

    def noted(model, *arguments):  # type: ignore[no-untyped-def]
        found.append((loop.copy_weights(model), arguments[2], arguments[3]))
        return train(model, *arguments)

    monkeypatch.setattr(loop, "train", noted)
    return found


def record_at(weights: Weights, level: int, rate: float) -> RemovedAt:
    """A chain's record of ``level`` levels. The first entry of the embedding is padding."""
    record = masks.dense(weights, "embedding", 0)
    for number in range(1, level + 1):
        record = masks.prune(weights, record, number, rate, "local", weights.keys())
    return record


@settings(max_examples=60)
@given(
    weights=TENSORS,
    rate=st.sampled_from([0.2, 0.5, 0.9]),
    level=st.integers(1, 3),
    scope=st.sampled_from(["each", "together"]),
    data=st.data(),
)
def test_largest_keeps_the_counts(weights, rate, level, scope, data):  # type: ignore[no-untyped-def]
    scores = {
        name: torch.tensor(data.draw(st.permutations(value.tolist())))
        for name, value in weights.items()
    }
    names = sorted(data.draw(st.sets(st.sampled_from(NAMES), min_size=1)))
    groups = [[name] for name in names] if scope == "each" else [names]
    record = record_at(weights, 4, rate)  # one level more than is asked for
    before = copies(record)
    found = masks.largest(scores, record, level, groups)
    assert same(record, before), "the given record is changed"
    assert found["embedding"][0] == 0
    for name in set(NAMES) - set(names):
        assert torch.equal(found[name], record[name])
    alive = masks.at_level(found, level)
    for group in groups:
        counts = [masks.counts(own, level) for own in (found, record)]
        one, other = (sum(own[name][0] for name in group) for own in counts)
        assert one == other
        # The reference: a stable sort of all that are parameters; the smallest go first.
        own = [
            (abs(float(value)), name, place)
            for name in group
            for place, value in enumerate(scores[name])
            if record[name][place] > 0
        ]
        stays = {(name, place) for _, name, place in sorted(own)[len(own) - one :]}
        assert stays == {
            (name, int(place)) for name in group for place in alive[name].nonzero()[:, 0]
        }
        for name in group:
            assert set(found[name].tolist()) <= {0, level, masks.NEVER}


def test_largest_of_a_count_and_of_ties() -> None:
    weights = {"embedding": torch.ones(3, 2), "bias": torch.ones(3)}
    record = record_at(weights, 2, 0.5)
    scores = {"embedding": torch.tensor([[9.0, 9], [1, 1], [1, 1]]), "bias": torch.ones(3)}
    for count in range(8):
        found = masks.largest(scores, record, 2, [["bias", "embedding"]], count)
        alive = masks.at_level(found, 2)
        own = torch.cat([alive["bias"], alive["embedding"].flatten()[2:]])
        assert own.tolist() == [place >= 7 - count for place in range(7)], "the last stay"
        assert not alive["embedding"][0].any()
    assert same(masks.largest(scores, record, 2, []), record)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_scores_that_are_not_finite_are_refused(value: float) -> None:
    weights = {"embedding": torch.ones(2, 2), "bias": torch.ones(2)}
    record = record_at(weights, 1, 0.5)
    scores = {**weights, "bias": torch.tensor([1.0, value])}
    with pytest.raises(ValueError, match="a score of bias, embedding is not finite"):
        masks.largest(scores, record, 1, [["bias", "embedding"]])
    masks.largest(scores, record, 1, [["embedding"]])  # not asked for, so not looked at


@settings(max_examples=60)
@given(weights=TENSORS, rate=st.sampled_from([0.2, 0.5, 0.9]), level=st.integers(1, 3))
def test_shuffled_keeps_the_counts(weights: Weights, rate: float, level: int) -> None:
    record = record_at(weights, 4, rate)
    before = copies(record)
    one, other = (masks.shuffled(record, level, torch.Generator().manual_seed(5)) for _ in range(2))
    assert same(one, other), "not a function of its generator"
    assert same(record, before), "the given record is changed"
    assert list(one) == list(record)
    assert masks.counts(one, level) == masks.counts(record, level)
    assert one["embedding"][0] == 0
    # The order of the tensors plays no part: a file's may be another.
    turned = {name: record[name] for name in reversed(record)}
    assert same(masks.shuffled(turned, level, torch.Generator().manual_seed(5)), one)


def test_shuffled_chooses_each_place_alike() -> None:
    weights = {"embedding": torch.arange(12.0)}
    record = record_at(weights, 1, 0.5)
    generator = torch.Generator().manual_seed(0)
    times = torch.zeros(12)
    for _ in range(2000):
        times += masks.at_level(masks.shuffled(record, 1, generator), 1)["embedding"]
    assert times[0] == 0
    expected = 2000 * 6 / 11  # its standard deviation is 22
    assert ((times[1:] - expected).abs() < 120).all()


def test_the_last_level_is_of_the_record() -> None:
    weights = {"embedding": torch.arange(12.0), "bias": torch.ones(1)}
    for level in range(5):
        assert masks.last_level(record_at(weights, level, 0.2)) == level


@pytest.mark.parametrize(("model", "name"), PAIRS)
def test_controls_keep_what_they_promise(
    make_cell: MakeCell, starts: Starts, model: str, name: str
) -> None:
    cell = make_cell(model, classes=4)
    dense, levels = winner(cell)
    ticket, record = levels[1], levels[2].removed_at  # a level before the chain's last
    before = copies(record)
    starts.clear()
    found = branch(cell, name, dense, record, 2)
    assert same(record, before), "the ticket's record is changed"
    own, ours = masks.at_level(found.removed_at, 2), masks.at_level(ticket.removed_at, 2)
    ((weights, given_masks, plan),) = starts
    assert same(given_masks, own)
    assert (found.number, plan.level, plan.epochs) == (2, 2, range(0, 2))
    assert not own["embedding"][batches.PAD].any()
    # Where it starts, and which masks it has.
    fresh = name in ("reinit_same_mask", "random_mask_reinit")
    assert same(weights, cell.draw(0, "reinit", 2) if fresh else dense.init)
    assert not same(cell.draw(0, "reinit", 2), dense.init)
    assert same(own, ours) == (name == "reinit_same_mask")
    counts = [masks.counts(made, 2) for made in (found.removed_at, record)]
    together = name in ("snip", "synflow")
    for key in own:
        if together and kind(key) == "biases":
            assert torch.equal(own[key], ours[key])
        if not together:
            assert counts[0][key] == counts[1][key]
    totals = [sum(made[key][0] for key in own if kind(key) != "biases") for made in counts]
    assert totals[0] == totals[1]
    # What is gone stays exactly zero, and training moved the rest.
    for key, mask in own.items():
        assert not found.weights[key][~mask].any()
    assert any(not torch.equal(found.weights[key], weights[key] * own[key]) for key in own)


@pytest.mark.parametrize(("model", "name"), PAIRS)
def test_branches_are_reproducible_and_go_on(
    make_cell: MakeCell, tmp_path: Path, model: str, name: str
) -> None:
    cell = make_cell(model, classes=4)
    dense, levels = winner(cell)
    record = levels[-1].removed_at
    torch.manual_seed(99)  # the process's own state plays no part
    expected, again = (branch(cell, name, dense, record, 2) for _ in range(2))

    def run(stop: Callable[[int, loop.Row], None]) -> Level:
        progress = Progress(tmp_path / "p", 0)
        return branches.branch(cell, control(name), dense, record, 2, 0, PRUNE, stop, progress)

    resumed = interrupted(run, 1)
    read = run(quiet)  # all of it is there
    assert isinstance(resumed, Level)
    for other in (again, resumed, read):
        assert other.history == expected.history
        assert same(other.weights, expected.weights)
        assert same(other.removed_at, expected.removed_at)


@pytest.mark.parametrize("changes", [{"scope": "global"}, {"parameters": ("weights",)}])
@pytest.mark.parametrize("name", CONTROLS)
def test_controls_follow_scope_and_parameters(
    make_cell: MakeCell, name: str, changes: dict[str, object]
) -> None:
    cell = make_cell()
    dense, levels = winner(cell, **changes)
    record = levels[-1].removed_at
    found = branch(cell, name, dense, record, 3, **changes)
    ours, own = masks.counts(record, 3), masks.counts(found.removed_at, 3)
    free = {key for key in own if kind(key) != "biases"} if name in ("snip", "synflow") else set()
    assert sum(own[key][0] for key in own) == sum(ours[key][0] for key in ours)
    for key in own:
        if key not in free or ("parameters" in changes and kind(key) != "weights"):
            assert own[key] == ours[key]


@pytest.mark.parametrize("model", MODELS)
def test_one_shot_takes_the_largest_final_weights(make_cell: MakeCell, model: str) -> None:
    cell = make_cell(model, classes=4)
    dense, levels = winner(cell)
    record = levels[-1].removed_at
    made, _ = control("one_shot").make(ticket_of(cell, dense, record, 1))
    assert same(masks.at_level(made, 1), masks.at_level(levels[0].removed_at, 1))
    made, _ = control("one_shot").make(ticket_of(cell, dense, record, 3))
    for key, mask in masks.at_level(made, 3).items():
        kept, gone = dense.final[key][mask].abs(), dense.final[key][~mask].abs()
        assert not len(gone) or kept.min() >= gone.max()


def test_both_drawn_masks_are_one(make_cell: MakeCell) -> None:
    """They differ in the weights alone; seeds and levels have masks of their own."""
    cell = make_cell(classes=4)
    dense, levels = winner(cell)
    record = levels[-1].removed_at
    one, other = (
        control(name).make(ticket_of(cell, dense, record, 2))
        for name in ("shuffled_mask", "random_mask_reinit")
    )
    assert same(one[0], other[0])
    assert not same(one[1].weights, other[1].weights)
    third, _ = control("shuffled_mask").make(ticket_of(cell, dense, record, 2, seed=1))
    assert not same(one[0], third)
    assert masks.counts(one[0], 2) == masks.counts(third, 2)


def test_a_control_draws_by_seed_level_and_purpose(make_cell: MakeCell) -> None:
    cell = make_cell(classes=4)
    dense, levels = winner(cell)
    record = levels[-1].removed_at
    tickets = [ticket_of(cell, dense, record, *of) for of in ((1, 0), (2, 0), (1, 1))]
    draws = [
        tuple(torch.rand(3, generator=ticket.generator(purpose)).tolist())
        for ticket in tickets
        for purpose in ("shuffle", "another")
    ]
    assert len(set(draws)) == len(draws)
    # With one order of places for all levels, a sparser drawn mask would lie in a denser one.
    sparser, denser = (
        masks.at_level(control("shuffled_mask").make(ticket)[0], ticket.level)
        for ticket in (tickets[1], tickets[0])
    )
    assert (sparser["embedding"] & ~denser["embedding"]).any()


def plain_loss(weights: Weights, documents: Documents, numbers: list[int]) -> torch.Tensor:
    """The mean loss, each document by itself and unpadded, with PyTorch's own layers."""
    hidden = nn.LSTM(6, 5, num_layers=2, bidirectional=True, batch_first=True)
    recurrent = {key: value for key, value in weights.items() if "_l0" in key or "_l1" in key}
    rows = []
    for number in numbers:
        start, size = int(documents.starts[number]), int(documents.sizes[number])
        words = F.embedding(documents.ids[start : start + size].long(), weights["embedding"])
        if recurrent:
            _, (states, _) = torch.func.functional_call(hidden, recurrent, (words[None],))
            rows.append(states[-2:, 0].flatten())
            continue
        image = F.pad(words, (0, 0, 0, max(0, 5 - size)))[None, None]
        rows.append(
            torch.cat(
                [
                    F.conv2d(image, weights[f"conv{width}_weight"], weights[f"conv{width}_bias"])
                    .relu()
                    .amax((0, 2, 3))
                    for width in (3, 4, 5)
                ]
            )
        )
    logits = F.linear(torch.stack(rows), weights["output_weight"], weights["output_bias"])
    labels = documents.labels[numbers]
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], labels.float())
    return F.cross_entropy(logits, labels)


@pytest.mark.parametrize(("model", "classes"), [("cnn", 2), ("lstm", 4)])
def test_snip_scores_are_a_plain_computations(
    make_cell: MakeCell, model: str, classes: int
) -> None:
    cell = make_cell(model, classes=classes, dropout=0.5)  # of which nothing may show
    dense, levels = winner(cell)
    record = levels[-1].removed_at
    ticket = ticket_of(cell, dense, record, 3)
    part = cell.train_part
    first = batches.order(part.lengths, cell.train.batch, 0, 0)[0].tolist()
    own = {name: value.clone().requires_grad_() for name, value in dense.init.items()}
    expected = torch.autograd.grad(plain_loss(own, part, first), list(own.values()))
    gradients = ticket.gradients(dense.init)
    assert gradients.keys() == own.keys()
    scores = {}
    for (name, value), wanted in zip(dense.init.items(), expected, strict=True):
        torch.testing.assert_close(gradients[name], wanted, rtol=1e-4, atol=1e-7)
        scores[name] = (wanted * value).abs()
    made, _ = control("snip").make(ticket)
    alive = masks.at_level(made, 3)
    names = [name for name in own if kind(name) != "biases"]
    kept = torch.cat([scores[name][alive[name]] for name in names])
    gone = torch.cat([scores[name][~alive[name]] for name in names])
    assert kept.min() >= gone.max() * (1 - 1e-3)
    assert kept.sum() > 2 * gone.sum()


def absolute(weights: Weights) -> Weights:
    return {name: value.double().abs().requires_grad_() for name, value in weights.items()}


@pytest.mark.parametrize("widths", [(3, 4, 5), (1,), (5, 2), (2, 10)])
def test_flow_is_a_plain_networks_of_absolute_weights(widths: tuple[int, ...]) -> None:
    """All words at each place of a text, without biases, and the logits' sum."""
    model = cnn.build(cnn.Options(filters=3, widths=widths), 7, 4, 2)
    for place, value in enumerate(model.parameters()):
        value.data.normal_(generator=torch.Generator().manual_seed(place))
    own = absolute(loop.copy_weights(model))
    # Files give the tensors in alphabetical order.
    flow = model.flow({name: own[name] for name in sorted(own)})
    text = own["embedding"].sum(0).expand(12, 4)[None, None]
    features = [F.conv2d(text, own[f"conv{width}_weight"]).relu().amax(2) for width in widths]
    plain = F.linear(torch.cat(features, 1).squeeze(2), own["output_weight"]).sum()
    torch.testing.assert_close(flow, plain)
    names = [name for name in own if kind(name) != "biases"]
    pairs = [torch.autograd.grad(value, [own[name] for name in names]) for value in (flow, plain)]
    for one, other in zip(*pairs, strict=True):
        torch.testing.assert_close(one, other)
    # Conservation: what flows through each layer is all that flows (Tanaka et al. 2020, section 4).
    scores = {
        name: float((slope * own[name].detach()).sum())
        for name, slope in zip(names, pairs[0], strict=True)
    }
    convolutions = sum(value for name, value in scores.items() if name.startswith("conv"))
    for layer in (scores["embedding"], convolutions, scores["output_weight"]):
        assert layer == pytest.approx(flow.item(), rel=1e-12)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("rate", "level"), [(0.4, 3), (0.8, 2), (0.95, 2)])
def test_synflow_leaves_no_layer_empty(
    make_cell: MakeCell, seed: int, rate: float, level: int
) -> None:
    cell = make_cell(classes=4)
    init = cell.draw(seed, "init", 0)
    dense = DenseRun(init, init, init, [])
    record = runs.record_of(init)
    for number in range(1, level + 1):
        record = masks.prune(init, record, number, rate, "local", init.keys())
    ticket = ticket_of(cell, dense, record, level)
    made, start = control("synflow").make(ticket)
    assert same(start.weights, init)
    assert not any(value.requires_grad for value in start.weights.values())
    counts = [masks.counts(found, level) for found in (made, record)]
    weights = [name for name in init if kind(name) != "biases"]
    one, other = (sum(found[name][0] for name in weights) for found in counts)
    assert one == other
    alive = masks.at_level(made, level)
    assert ticket.flow is not None
    through = {name: init[name].double().abs() * alive[name] for name in init}
    assert ticket.flow(through) > 0, "a layer has collapsed"
    again, _ = control("synflow").make(ticket)
    assert same(made, again)


@pytest.mark.parametrize("stays", [40, 150, 300])
def test_synflow_prunes_by_one_ratio_a_step(stays: int) -> None:
    """From all weights to as many as the ticket keeps, each step by the same factor."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"embedding": (20, 10), "deep": (10, 10), "output_weight": (10, 4)}
    init = {name: torch.rand(shape, generator=generator) + 0.5 for name, shape in shapes.items()}
    init["output_bias"] = torch.zeros(4)
    names = list(shapes)
    total = 20 * 10 + 10 * 10 + 10 * 4 - 10  # less the row of padding
    record = masks.largest(init, masks.dense(init, "embedding", batches.PAD), 1, [names], stays)
    seen: list[int] = []

    def flow(weights: Weights) -> torch.Tensor:
        record = masks.dense(init, "embedding", batches.PAD)
        flowing = [(weights[name] != 0) & (record[name] > 0) for name in names]
        seen.append(sum(int(mask.sum()) for mask in flowing))
        deep = weights["embedding"].sum(0) @ weights["deep"]
        return (deep @ weights["output_weight"]).sum()

    ticket = Ticket(
        level=1,
        removed_at=record,
        dense=Dense(init, init, 1, init, lambda level: init, "embedding"),
        prunable=list(init),
        weights=names,
        generator=lambda purpose: torch.Generator(),
        gradients=lambda weights: weights,
        flow=flow,
    )
    made, _ = control("synflow").make(ticket)
    assert len(seen) == 100
    expected = [total * (stays / total) ** (step / 100) for step in range(100)]
    # Among those that stay may be one through which nothing flows any more.
    assert seen == pytest.approx(expected, abs=1.51)
    assert sum(masks.counts(made, 1)[name][0] for name in names) == stays


def test_synflow_is_not_for_an_lstm(make_cell: MakeCell) -> None:
    cell = make_cell("lstm", classes=4)
    dense, levels = winner(cell)
    with pytest.raises(NotForThisModelError, match="synflow needs a flow"):
        branch(cell, "synflow", dense, levels[-1].removed_at, 1)


@pytest.mark.parametrize("name", CONTROLS)
def test_where_only_biases_are_pruned(make_cell: MakeCell, name: str) -> None:
    cell = make_cell()
    changes = {"parameters": ("biases",), "levels": 1}
    dense, levels = winner(cell, **changes)
    record = levels[0].removed_at
    if name in ("snip", "synflow"):
        with pytest.raises(NotForThisModelError, match=f"{name} prunes no biases"):
            branch(cell, name, dense, record, 1, **changes)
    else:
        found = branch(cell, name, dense, record, 1, **changes)
        assert masks.counts(found.removed_at, 1) == masks.counts(record, 1)


def test_a_dense_run_that_is_not_finite_is_refused(make_cell: MakeCell) -> None:
    cell = make_cell(classes=4)
    dense, levels = winner(cell)
    dense = replace(dense, final={**dense.final, "output_bias": torch.tensor([float("nan")])})
    with pytest.raises(LotteryError, match="seed 0: a score of output_bias is not finite; run"):
        branch(cell, "one_shot", dense, levels[-1].removed_at, 1)


@pytest.mark.parametrize("model", MODELS)
def test_new_strategies_start_where_they_say(
    make_cell: MakeCell, starts: Starts, model: str
) -> None:
    cell = make_cell(model, epochs=3)
    dense = runs.dense(cell, 0, quiet)
    for name in ("last_epoch_rewinding", "continued_training", "study_random"):
        starts.clear()
        levels = chain(cell, name, dense)
        trained = [dense.final, *(level.weights for level in levels)]
        for place, (weights, alive, plan) in enumerate(starts):
            assert plan.epochs == range(0, 3), "the budget is not the full one"
            assert plan.level == place + 1
            assert same(alive, masks.at_level(levels[place].removed_at, place + 1))
            expected = {
                "last_epoch_rewinding": dense.final,
                "continued_training": trained[place],
                "study_random": {
                    **cell.draw(0, "reinit", place + 1),
                    "embedding": trained[place]["embedding"],
                },
            }[name]
            assert same(weights, expected)
        assert len(starts) == 3


def random_chain(
    cell: Cell, name: str, dense: DenseRun, seed: int, **changes: object
) -> list[Level]:
    return list(runs.chain(cell, strategy(name), RANDOM, dense, seed, prune(**changes), quiet))


def test_random_pruning_is_of_seed_and_level_alone(make_cell: MakeCell) -> None:
    cell = make_cell("lstm", epochs=1)
    dense = runs.dense(cell, 0, quiet)
    one = random_chain(cell, "winning_ticket", dense, 0)
    alive = {key: size for key, (_, size) in masks.counts(runs.record_of(dense.init), 0).items()}
    for level in one:
        alive = {key: count - masks.to_remove(0.4, count) for key, count in alive.items()}
        counts = masks.counts(level.removed_at, level.number)
        assert {key: left for key, (left, _) in counts.items()} == alive
        assert not level.removed_at["embedding"][batches.PAD].any()
        for key, mask in masks.at_level(level.removed_at, level.number).items():
            assert not level.weights[key][~mask].any()
    # Other weights, the same masks: of another start at each level, and of another dense run.
    other = random_chain(cell, "random_reinit", runs.dense(cell, 1, quiet), 0)
    for first, second in zip(one, other, strict=True):
        assert same(first.removed_at, second.removed_at)
        assert not same(first.weights, second.weights)
    assert not same(one[0].removed_at, random_chain(cell, "winning_ticket", dense, 1)[0].removed_at)
    magnitude = chain(cell, "winning_ticket", dense, levels=1)
    assert not same(one[0].removed_at, magnitude[0].removed_at)


def scores_of_a_chain(cell: Cell, dense: DenseRun, seed: int) -> list[Weights]:
    """What the random criterion drew for each level."""
    drawn: list[Weights] = []

    def noted(weights: Weights, generator: Callable[[], torch.Generator]) -> Weights:
        drawn.append(RANDOM.scores(weights, generator))
        return drawn[-1]

    start = strategy("winning_ticket")
    list(runs.chain(cell, start, Criterion(noted), dense, seed, prune(), quiet))
    return drawn


def test_a_chain_draws_other_random_scores_at_each_level(make_cell: MakeCell) -> None:
    """With one draw for all levels, later ones would prune by a ranking that has been used."""
    cell = make_cell(epochs=1, epoch=0)
    dense = runs.dense(cell, 0, quiet)
    one, again, other = (scores_of_a_chain(cell, dense, seed) for seed in (0, 0, 1))
    assert len(one) == 3
    for scores in (*itertools.combinations(one, 2), *itertools.product(one, other)):
        for name in dense.init:
            assert not torch.equal(scores[0][name], scores[1][name])
    assert all(same(first, second) for first, second in zip(one, again, strict=True))


@given(seed=st.integers(0, 1000), level=st.integers(1, 20))
def test_random_scores_are_drawn_anew_for_each_level(seed: int, level: int) -> None:
    weights = {"b": torch.zeros(7, 3), "a": torch.zeros(40)}

    def scores(level: int, weights: Weights) -> Weights:
        return RANDOM.scores(weights, lambda: seeds.torch_generator(seed, "prune", level))

    one = scores(level, weights)
    assert same(one, scores(level, {"a": torch.ones(40), "b": torch.ones(7, 3)}))
    assert not same(one, scores(level + 1, weights))
    assert {name: value.shape for name, value in one.items()} == {
        name: value.shape for name, value in weights.items()
    }
    assert len(one["a"].unique()) > 30, "ties would go by index"


@pytest.mark.parametrize("model", MODELS)
def test_another_order_is_of_the_same_ticket(
    make_cell: MakeCell, starts: Starts, model: str
) -> None:
    cell = make_cell(model, classes=4)
    dense, levels = winner(cell)
    record, ticket = levels[-1].removed_at, levels[1]
    starts.clear()
    one, again = (branches.other_order(cell, dense.init, record, 2, 0, quiet) for _ in range(2))
    assert one.history == again.history
    assert same(one.weights, again.weights)
    assert cell.order is None, "the cell is changed"
    for weights, alive, plan in starts:
        assert same(weights, dense.init)
        assert same(alive, masks.at_level(ticket.removed_at, 2))
        assert plan == replace(cell.plan(0, 2, 0), seed=plan.seed)
        assert plan.seed != 0
    part, size = cell.train_part, cell.train.batch
    orders = [batches.order(part.lengths, size, seed, 0) for seed in (0, starts[0][2].seed)]
    assert [list(batch) for batch in orders[0]] != [list(batch) for batch in orders[1]]
    assert not same(one.weights, ticket.weights)
    for key, mask in masks.at_level(record, 2).items():
        assert not one.weights[key][~mask].any()
    # The same record and start under another seed: only the order and dropout can differ.
    other = branches.other_order(cell, dense.init, record, 2, 1, quiet)
    assert starts[-1][2].seed not in (0, 1, starts[0][2].seed)
    assert not same(one.weights, other.weights)
    # In the run's own order it is the ticket itself.
    own = runs.train_level(cell, Start(dense.init, 0), record, 2, 0, quiet)
    assert same(own.weights, ticket.weights)


FLOATS = st.lists(st.floats(-1e6, 1e6, width=32), min_size=5, max_size=5).map(torch.tensor)


@given(one=FLOATS, other=FLOATS)
def test_between_is_a_straight_line(one: torch.Tensor, other: torch.Tensor) -> None:
    def at(share: float) -> torch.Tensor:
        return branches.between({"a": one}, {"a": other}, share)["a"]

    assert torch.equal(at(0.0), one)
    assert torch.equal(at(1.0), other)
    middle = ((one.double() + other.double()) / 2).float()
    torch.testing.assert_close(at(0.5), middle, rtol=1e-6, atol=0.1)
    assert not branches.between({"a": torch.zeros(3)}, {"a": torch.zeros(3)}, 0.3)["a"].any()
