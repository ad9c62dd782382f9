"""Controls: what each keeps of the winning ticket, what it changes, and how it trains."""

from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
import torch
import torch.nn.functional as F
from helpers import MODELS, MakeCell, interrupted, record_training, same, winning_ticket
from torch import nn

from lottery import models
from lottery.config import plugins
from lottery.errors import LotteryError
from lottery.experiment import branches
from lottery.experiment.cell import Cell
from lottery.experiment.replicate import DenseRun, Level, OnEpoch, Replicate, pruned_at_dense
from lottery.models import Weights, kind
from lottery.pruning import masks
from lottery.pruning.control import Control, NotForThisModelError, Ticket
from lottery.pruning.masks import PrunedAt
from lottery.storage.token_arrays import PAD, UNK
from lottery.training.batches import Documents
from lottery.training.checkpointing import Checkpointer

CONTROLS = plugins.names("lottery.pruning.controls")
# SynFlow is not for an LSTM: a test says so.
PAIRS = [
    (model, name) for model in MODELS for name in CONTROLS if (model, name) != ("lstm", "synflow")
]
BEFORE_TRAINING = ("snip", "synflow")
"""They prune all tensors together, and no biases."""


OTHER_VALUES = ("permuted_values", "scaled_reinit")
"""They start from values that are neither the initial ones nor a draw as it is."""


def load_control(name: str) -> Control:
    control: Control = plugins.load("lottery.pruning.controls", name, "control").make
    return control


def train_control(cell: Cell, name: str, dense: DenseRun, pruned_at: PrunedAt, level: int) -> Level:
    return branches.train_control(Replicate(cell, 0), load_control(name), dense, pruned_at, level)


def ticket_of(
    cell: Cell, dense: DenseRun, pruned_at: PrunedAt, level: int, seed: int = 0
) -> Ticket:
    """What a control departs from."""
    tickets: list[Ticket] = []

    class Taken(Exception):
        pass

    def take(ticket: Ticket) -> NoReturn:
        tickets.append(ticket)
        raise Taken

    with pytest.raises(Taken):
        branches.train_control(Replicate(cell, seed), take, dense, pruned_at, level)
    return tickets[0]


def remaining_weights(counts: dict[str, tuple[int, int]]) -> int:
    """How many weights remain that are not biases."""
    return sum(remaining for name, (remaining, _) in counts.items() if kind(name) != "biases")


@pytest.mark.parametrize(("model", "name"), PAIRS)
def test_controls_keep_what_they_promise(
    make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch, model: str, name: str
) -> None:
    cell = make_cell(model, classes=4)
    dense, levels = winning_ticket(cell)
    ticket, pruned_at = levels[1], levels[2].pruned_at  # a level before the pruning run's last
    before = {key: value.clone() for key, value in pruned_at.items()}
    calls = record_training(monkeypatch)
    trained = train_control(cell, name, dense, pruned_at, 2)
    assert same(pruned_at, before), "the ticket's pruned_at is changed"
    control_masks = masks.at_level(trained.pruned_at, 2)
    ticket_masks = masks.at_level(ticket.pruned_at, 2)
    ((weights, trained_masks, plan),) = calls
    assert same(trained_masks, control_masks)
    assert (trained.number, plan.level, plan.epochs) == (2, 2, range(0, 2))
    assert not control_masks["embedding"][PAD].any()
    # Where it starts, and which masks it has.
    fresh = name in ("reinit_same_mask", "random_mask_reinit")
    if name not in OTHER_VALUES:
        assert same(weights, cell.draw(0, "reinit", 2) if fresh else dense.init)
    assert not same(cell.draw(0, "reinit", 2), dense.init)
    assert same(control_masks, ticket_masks) == (name in ("reinit_same_mask", *OTHER_VALUES))
    counts, ticket_counts = masks.counts(trained.pruned_at, 2), masks.counts(pruned_at, 2)
    for key in control_masks:
        if name not in BEFORE_TRAINING:
            assert counts[key] == ticket_counts[key]
        elif kind(key) == "biases":
            assert torch.equal(control_masks[key], ticket_masks[key])
    assert remaining_weights(counts) == remaining_weights(ticket_counts)
    # What is pruned stays exactly zero, and training moved the rest.
    for key, mask in control_masks.items():
        assert not trained.weights[key][~mask].any()
    assert not same(
        trained.weights, {key: weights[key] * mask for key, mask in control_masks.items()}
    )


@pytest.mark.parametrize(("model", "name"), PAIRS)
def test_controls_are_reproducible_and_resume(
    make_cell: MakeCell, tmp_path: Path, model: str, name: str
) -> None:
    cell = make_cell(model, classes=4)
    dense, levels = winning_ticket(cell)
    pruned_at = levels[-1].pruned_at
    torch.manual_seed(99)  # the process's global generator plays no part
    expected, again = (train_control(cell, name, dense, pruned_at, 2) for _ in range(2))

    def run(on_epoch: OnEpoch) -> Level:
        replicate = Replicate(cell, 0, Checkpointer(tmp_path / "checkpoints", 0), on_epoch)
        return branches.train_control(replicate, load_control(name), dense, pruned_at, 2)

    def nothing_trains(metrics: object) -> NoReturn:
        raise AssertionError("an epoch is trained again")

    resumed = interrupted(run, 1)
    read = run(nothing_trains)
    for other in (again, resumed, read):
        assert other.history == expected.history
        assert same(other.weights, expected.weights)
        assert same(other.pruned_at, expected.pruned_at)


@pytest.mark.parametrize("changes", [{"scope": "global"}, {"parameters": ("weights",)}])
@pytest.mark.parametrize("name", CONTROLS)
def test_controls_follow_scope_and_parameters(
    make_cell: MakeCell, name: str, changes: dict[str, object]
) -> None:
    cell = make_cell(**changes)
    dense, levels = winning_ticket(cell)
    pruned_at = levels[-1].pruned_at
    trained = train_control(cell, name, dense, pruned_at, 3)
    ticket_counts, counts = masks.counts(pruned_at, 3), masks.counts(trained.pruned_at, 3)
    free = {key for key in counts if kind(key) != "biases"} if name in BEFORE_TRAINING else set()
    assert sum(counts[key][0] for key in counts) == sum(ticket_counts[key][0] for key in counts)
    for key in counts:
        if key not in free or ("parameters" in changes and kind(key) != "weights"):
            assert counts[key] == ticket_counts[key]


@pytest.mark.parametrize(("model", "name"), PAIRS)
@pytest.mark.parametrize("output", ["half", "whole"])
@pytest.mark.parametrize("scope", ["local", "global"])
def test_controls_leave_as_much_of_the_output_layer(
    make_cell: MakeCell, model: str, name: str, output: str, scope: str
) -> None:
    """As the ticket does where it is set apart, those that rank all tensors together too."""
    cell = make_cell(model, classes=4, output=output, scope=scope)
    dense, levels = winning_ticket(cell)
    pruned_at = levels[-1].pruned_at
    control_pruned_at, _ = load_control(name)(ticket_of(cell, dense, pruned_at, 2))
    counts, ticket_counts = masks.counts(control_pruned_at, 2), masks.counts(pruned_at, 2)
    for key in models.output_layer(cell.model):
        assert counts[key] == ticket_counts[key]
    assert remaining_weights(counts) == remaining_weights(ticket_counts)
    remaining, size = counts["output_weight"]
    assert remaining > 0.6 * size
    assert (remaining == size) == (output == "whole")


@pytest.mark.parametrize("model", MODELS)
def test_one_shot_takes_the_largest_final_weights(make_cell: MakeCell, model: str) -> None:
    cell = make_cell(model, classes=4)
    dense, levels = winning_ticket(cell)
    pruned_at = levels[-1].pruned_at
    make = load_control("one_shot")
    one_level, _ = make(ticket_of(cell, dense, pruned_at, 1))
    assert same(masks.at_level(one_level, 1), masks.at_level(levels[0].pruned_at, 1))
    three_levels, _ = make(ticket_of(cell, dense, pruned_at, 3))
    for key, mask in masks.at_level(three_levels, 3).items():
        remaining, pruned = dense.final[key][mask].abs(), dense.final[key][~mask].abs()
        assert not len(pruned) or remaining.min() >= pruned.max()


@pytest.mark.parametrize("changes", [{}, {"embedding": "vectors"}, {"parameters": ("weights",)}])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("level", [1, 3])
def test_other_values_of_the_ticket(
    make_cell: MakeCell, model: str, level: int, changes: dict[str, object]
) -> None:
    """What is drawn changes, with the scale of the ticket or its very values; nothing else does."""
    cell = make_cell(model, **changes)
    dense, levels = winning_ticket(cell)
    pruned_at = levels[-1].pruned_at
    ticket = ticket_of(cell, dense, pruned_at, level)
    starts = {name: load_control(name)(ticket) for name in OTHER_VALUES}
    before = {name: value.clone() for name, value in dense.init.items()}
    fresh = cell.draw(0, "reinit", level)
    for name, (control_pruned_at, start) in starts.items():
        assert control_pruned_at is pruned_at
        assert start.epoch == 0
        changed = []
        assert sorted(start.weights) == sorted(dense.init)
        for key, mask in masks.at_level(pruned_at, level).items():
            survivors, drawn = dense.init[key][mask], start.weights[key][mask]
            fixed = ~ticket.drawn[key][mask]
            assert torch.equal(drawn[fixed], survivors[fixed])
            if kind(key) == "biases":
                assert not drawn.any()
            changed.append((drawn != survivors)[~fixed])
            rms = [float(values.double().square().mean().sqrt()) for values in (drawn, survivors)]
            assert rms[0] == pytest.approx(rms[1], rel=1e-6)
            if name == "permuted_values":
                assert torch.equal(drawn.sort().values, survivors.sort().values)
            else:  # one factor in a tensor
                ratio = (drawn / fresh[key][mask])[~fixed]
                assert torch.allclose(ratio, ratio[:1], rtol=1e-5) or not len(ratio)
        assert torch.cat(changed).float().mean() > 0.9
    assert same(dense.init, before), "the dense run is changed"
    assert not ticket.drawn["embedding"][[UNK, PAD]].any()
    if "embedding" in changes:
        assert cell.covered is not None
        vectors = masks.at_level(pruned_at, level)["embedding"] & cell.covered[:, None]
        assert vectors.any()
        for _, start in starts.values():
            assert torch.equal(
                start.weights["embedding"][vectors], dense.init["embedding"][vectors]
            )
    _, other = load_control("permuted_values")(ticket_of(cell, dense, pruned_at, level, 1))
    assert not same(other.weights, starts["permuted_values"][1].weights)


def test_survivors_are_larger_than_a_fresh_draw(make_cell: MakeCell) -> None:
    """Why ``scaled_reinit`` is another control than ``reinit_same_mask``."""
    cell = make_cell(embedding_std=0.5)
    dense, levels = winning_ticket(cell)
    ticket = ticket_of(cell, dense, levels[-1].pruned_at, 3)
    mask = masks.at_level(levels[-1].pruned_at, 3)["embedding"]
    rms = [
        load_control(name)(ticket)[1].weights["embedding"][mask].square().mean().sqrt()
        for name in ("scaled_reinit", "reinit_same_mask")
    ]
    assert rms[0] > 1.3 * rms[1]


def test_a_tensor_of_which_nothing_remains_stays_as_drawn(make_cell: MakeCell) -> None:
    cell = make_cell()
    dense, levels = winning_ticket(cell)
    pruned_at = {**levels[-1].pruned_at}
    pruned_at["conv3_weight"] = torch.ones_like(pruned_at["conv3_weight"])
    ticket = ticket_of(cell, dense, pruned_at, 1)
    scaled = load_control("scaled_reinit")(ticket)[1].weights["conv3_weight"]
    assert torch.equal(scaled, cell.draw(0, "reinit", 1)["conv3_weight"])
    permuted = load_control("permuted_values")(ticket)[1].weights["conv3_weight"]
    assert torch.equal(permuted, dense.init["conv3_weight"])


def test_both_controls_with_drawn_masks_draw_the_same(make_cell: MakeCell) -> None:
    """They differ in the weights alone; seeds and levels draw other masks."""
    cell = make_cell(classes=4)
    dense, levels = winning_ticket(cell)
    pruned_at = levels[-1].pruned_at
    shuffled, reinit = (
        load_control(name)(ticket_of(cell, dense, pruned_at, 2))
        for name in ("shuffled_mask", "random_mask_reinit")
    )
    assert same(shuffled[0], reinit[0])
    assert not same(shuffled[1].weights, reinit[1].weights)
    of_seed_1, _ = load_control("shuffled_mask")(ticket_of(cell, dense, pruned_at, 2, seed=1))
    assert not same(shuffled[0], of_seed_1)
    assert masks.counts(shuffled[0], 2) == masks.counts(of_seed_1, 2)


def test_a_control_draws_by_seed_level_and_purpose(make_cell: MakeCell) -> None:
    cell = make_cell(classes=4)
    dense, levels = winning_ticket(cell)
    pruned_at = levels[-1].pruned_at
    tickets = [ticket_of(cell, dense, pruned_at, *of) for of in ((1, 0), (2, 0), (1, 1))]
    draws = [
        tuple(torch.rand(3, generator=ticket.generator(purpose)).tolist())
        for ticket in tickets
        for purpose in ("shuffle", "another")
    ]
    assert len(set(draws)) == len(draws)
    # With one order of positions for all levels, a sparser drawn mask would lie in a denser one.
    sparser, denser = (
        masks.at_level(load_control("shuffled_mask")(ticket)[0], ticket.level)
        for ticket in (tickets[1], tickets[0])
    )
    assert (sparser["embedding"] & ~denser["embedding"]).any()


def plain_features(weights: Weights, embeddings: torch.Tensor) -> torch.Tensor:
    """What the output layer reads of one document, whose embeddings are ``[tokens, dim]``."""
    recurrent = {key: value for key, value in weights.items() if "_l0" in key or "_l1" in key}
    if recurrent:
        hidden = nn.LSTM(6, 5, num_layers=2, bidirectional=True, batch_first=True)
        _, (states, _) = torch.func.functional_call(hidden, recurrent, (embeddings[None],))
        return states[-2:, 0].flatten()
    image = F.pad(embeddings, (0, 0, 0, max(0, 5 - len(embeddings))))[None, None]
    return torch.cat(
        [
            F.conv2d(image, weights[f"conv{width}_weight"], weights[f"conv{width}_bias"])
            .relu()
            .amax((0, 2, 3))
            for width in (3, 4, 5)
        ]
    )


def plain_loss(weights: Weights, documents: Documents, numbers: list[int]) -> torch.Tensor:
    """The mean loss, each document by itself and unpadded, with PyTorch's layers."""
    rows = []
    for number in numbers:
        start, size = int(documents.starts[number]), int(documents.sizes[number])
        tokens = documents.ids[start : start + size].long()
        rows.append(plain_features(weights, F.embedding(tokens, weights["embedding"])))
    logits = F.linear(torch.stack(rows), weights["output_weight"], weights["output_bias"])
    labels = documents.labels[numbers]
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], labels.float())
    return F.cross_entropy(logits, labels)


@pytest.mark.parametrize(("model", "classes"), [("cnn", 2), ("lstm", 4)])
def test_snip_scores_are_a_plain_computations(
    make_cell: MakeCell, model: str, classes: int
) -> None:
    cell = make_cell(model, classes=classes, dropout=0.5)  # of which the scores must show nothing
    dense, levels = winning_ticket(cell)
    ticket = ticket_of(cell, dense, levels[-1].pruned_at, 3)
    everything = list(range(len(cell.train_set)))
    assert len(everything) % cell.settings.train.batch.documents, "no batch is smaller than another"
    init = {name: value.clone().requires_grad_() for name, value in dense.init.items()}
    loss = plain_loss(init, cell.train_set, everything)
    expected = torch.autograd.grad(loss, list(init.values()))
    gradients = ticket.gradients(dense.init)
    assert gradients.keys() == init.keys()
    scores = {}
    for (name, value), gradient in zip(dense.init.items(), expected, strict=True):
        torch.testing.assert_close(gradients[name], gradient, rtol=1e-4, atol=1e-7)
        scores[name] = (gradient * value).abs()
    pruned_at, _ = load_control("snip")(ticket)
    level_masks = masks.at_level(pruned_at, 3)
    names = [name for name in init if kind(name) != "biases"]
    remaining = torch.cat([scores[name][level_masks[name]] for name in names])
    pruned = torch.cat([scores[name][~level_masks[name]] for name in names])
    assert remaining.min() >= pruned.max() * (1 - 1e-3)
    assert remaining.sum() > 2 * pruned.sum()


def test_snip_draws_among_rows_that_are_never_read(make_cell: MakeCell) -> None:
    """They have no score: none remains before one that has, and none because of its index."""
    cell = make_cell()
    train_set, first_unread = cell.train_set, 20
    ids = torch.where(train_set.ids < first_unread, train_set.ids, 2)
    cell = replace(cell, train_set=replace(train_set, ids=ids))
    init = cell.draw(0, "init", 0)
    dense, pruned_at = DenseRun(init, init, init, init, []), pruned_at_dense(init)
    unread = torch.zeros_like(init["embedding"], dtype=torch.bool)
    unread[first_unread:] = True
    drawn = []
    for level, seed in ((1, 0), (1, 1), (5, 0)):
        ticket_pruned_at = pruned_at
        for number in range(1, level + 1):
            ticket_pruned_at = masks.prune(
                init, ticket_pruned_at, number, dict.fromkeys(init, 0.2), "global"
            )
        notes: list[str] = []
        ticket = replace(
            ticket_of(cell, dense, ticket_pruned_at, level, seed=seed), note=notes.append
        )
        control_pruned_at, _ = load_control("snip")(ticket)
        level_masks = masks.at_level(control_pruned_at, level)
        unread_remaining = level_masks["embedding"] & unread
        gradients = ticket.gradients(init)
        weights = [name for name in init if kind(name) != "biases"]
        scored = {name: gradients[name] * init[name] != 0 for name in weights}
        unscored = sum(int((level_masks[name] & ~scored[name]).sum()) for name in weights)
        remaining = sum(int(level_masks[name].sum()) for name in weights)
        (note,) = notes
        assert note == (
            f"level {level}: snip: {100 * unscored / remaining:.1f} % of the weights that remain "
            "have no score and were drawn at random"
        )
        if level == 5:
            assert not unread_remaining.any(), (
                "a row that is never read remains before one that is read"
            )
            continue
        for name in weights:
            assert level_masks[name][scored[name]].all()
        assert 0 < unread_remaining.sum() < unread.sum()
        positions = unread_remaining[unread].nonzero().squeeze(1).double()
        assert abs(positions.mean() / unread.sum() - 0.5) < 0.1, "of equal scores, the last remain"
        drawn.append(unread_remaining)
    assert not torch.equal(drawn[0], drawn[1]), "another seed draws the same"


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("rate", "level"), [(0.4, 3), (0.8, 2), (0.95, 2)])
def test_synflow_leaves_no_layer_empty(
    make_cell: MakeCell, seed: int, rate: float, level: int
) -> None:
    cell = make_cell(classes=4)
    init = cell.draw(seed, "init", 0)
    ticket_pruned_at = pruned_at_dense(init)
    for number in range(1, level + 1):
        ticket_pruned_at = masks.prune(
            init, ticket_pruned_at, number, dict.fromkeys(init, rate), "local"
        )
    ticket = ticket_of(cell, DenseRun(init, init, init, init, []), ticket_pruned_at, level)
    pruned_at, start = load_control("synflow")(ticket)
    assert same(start.weights, init)
    assert not any(value.requires_grad for value in start.weights.values())
    assert remaining_weights(masks.counts(pruned_at, level)) == remaining_weights(
        masks.counts(ticket_pruned_at, level)
    )
    level_masks = masks.at_level(pruned_at, level)
    assert ticket.flow is not None
    remaining = {name: init[name].double().abs() * level_masks[name] for name in init}
    assert ticket.flow(remaining) > 0, "a layer has collapsed"
    again, _ = load_control("synflow")(ticket)
    assert same(pruned_at, again)


def test_synflow_is_not_for_an_lstm(make_cell: MakeCell) -> None:
    cell = make_cell("lstm", classes=4)
    dense, levels = winning_ticket(cell)
    with pytest.raises(NotForThisModelError, match="synflow needs a method 'flow'"):
        train_control(cell, "synflow", dense, levels[-1].pruned_at, 1)


@pytest.mark.parametrize("name", CONTROLS)
def test_where_only_biases_are_pruned(make_cell: MakeCell, name: str) -> None:
    cell = make_cell(parameters=("biases",), levels=1)
    dense, levels = winning_ticket(cell)
    pruned_at = levels[0].pruned_at
    if name in BEFORE_TRAINING:
        with pytest.raises(NotForThisModelError, match=f"{name} prunes no biases"):
            train_control(cell, name, dense, pruned_at, 1)
    else:
        trained = train_control(cell, name, dense, pruned_at, 1)
        assert masks.counts(trained.pruned_at, 1) == masks.counts(pruned_at, 1)


def test_a_dense_run_that_is_not_finite_is_refused(make_cell: MakeCell) -> None:
    cell = make_cell(classes=4)
    dense, levels = winning_ticket(cell)
    dense = replace(dense, final={**dense.final, "output_bias": torch.tensor([float("nan")])})
    with pytest.raises(LotteryError, match="seed 0: a score of output_bias is not finite; run"):
        train_control(cell, "one_shot", dense, levels[-1].pruned_at, 1)
