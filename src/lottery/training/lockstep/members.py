"""How far each network of a group is, and the checkpoint of all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from lottery.training.checkpointing import Checkpoint
from lottery.training.lockstep.stack import State
from lottery.training.loop import Diverged, EpochMetrics, Plan


class Failed(NamedTuple):
    """The epoch in which a network diverged, and what of it is not finite."""

    epoch: int
    what: str

    def error(self, plan: Plan) -> Diverged:
        """The error that its training alone raises."""
        return Diverged(plan, self.epoch, self.what)


@dataclass
class Member:
    """One network of a group between epochs. ``best`` are the weights with the lowest validation
    loss so far, where there is patience."""

    state: State
    history: list[EpochMetrics] = field(default_factory=list)
    best: Mapping[str, torch.Tensor] = field(default_factory=dict)
    stopped: bool = False
    failure: Failed | None = None

    @property
    def ended(self) -> bool:
        """Whether it trains no more, because it stopped early or diverged."""
        return self.stopped or self.failure is not None

    def note_epoch(self, metrics: EpochMetrics, patience: int | None) -> None:
        """Add an epoch, after which ``state`` is; decide whether it was the best, or the last."""
        self.history.append(metrics)
        if patience is None:
            return
        losses = [earlier["validation_loss"] for earlier in self.history]
        lowest = losses.index(min(losses))
        if lowest == len(losses) - 1:
            self.best = {name: value.clone() for name, value in self.state.weights.items()}
        elif len(losses) - 1 - lowest >= patience:
            self.stopped = True


def checkpoint(members: Sequence[Member], epoch: int) -> Checkpoint:
    """All that the epochs from ``epoch`` on depend on, but for the start of those that have not
    started."""
    tensors = {
        f"{number}/{group}/{name}": value
        for number, member in enumerate(members)
        if member.state.steps
        for group, values in (*_groups(member.state), ("best", member.best))
        for name, value in values.items()
    }
    metadata = [
        {
            "steps": member.state.steps,
            "history": member.history,
            "stopped": member.stopped,
            "failure": member.failure,
        }
        for member in members
    ]
    return Checkpoint(tensors, {"epoch": epoch, "members": metadata})


def resume(
    saved: Checkpoint, starts: Sequence[Mapping[str, torch.Tensor]]
) -> tuple[int, list[Member]]:
    """The epoch to train next, and the members: what :func:`checkpoint` was made of. ``starts`` are
    the weights that each starts from."""
    members = []
    for number, metadata in enumerate(saved.metadata["members"]):
        if not metadata["steps"]:
            members.append(Member(State.fresh(starts[number])))
            continue
        values: dict[str, dict[str, torch.Tensor]] = {
            group: {} for group in ("weights", "first", "second", "best")
        }
        prefix = f"{number}/"
        for path, value in saved.tensors.items():
            if path.startswith(prefix):
                group, _, name = path.removeprefix(prefix).partition("/")
                values[group][name] = value
        best = values.pop("best")
        failure = metadata["failure"]
        members.append(
            Member(
                State(**values, steps=metadata["steps"]),
                metadata["history"],
                best,
                metadata["stopped"],
                Failed(*failure) if failure else None,
            )
        )
    return saved.metadata["epoch"], members


def _groups(state: State) -> tuple[tuple[str, Mapping[str, torch.Tensor]], ...]:
    return (("weights", state.weights), ("first", state.first), ("second", state.second))
