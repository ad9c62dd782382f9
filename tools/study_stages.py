"""Which arms of a study are finished: those whose stages DVC has run with today's parameters."""

from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from lottery.config import grid, strict_yaml
from lottery.config.grid import WINNING_TICKET
from lottery.config.schema import Params
from lottery.errors import LotteryError
from lottery.storage import paths

LOCK = Path("dvc.lock")
Document = dict[str, Any]


class Finished(NamedTuple):
    """What of the grid has been run."""

    strategies: list[str]
    controls: list[str]
    transferred: list[str]
    connectivity: bool

    @property
    def arms(self) -> list[str]:
        return [*self.strategies, *self.controls, *self.transferred]


def read_lock(clone: Path) -> Document:
    """What DVC has run in ``clone``. Raises LotteryError for a damaged file."""
    lock = strict_yaml.read_yaml(clone / LOCK)
    stages = lock.get("stages") if isinstance(lock, dict) else None
    if not isinstance(stages, dict) or not all(isinstance(v, dict) for v in stages.values()):
        raise LotteryError(f"{clone / LOCK}: lists no stages; run 'dvc repro' there first")
    return lock


def finished(settings: Params, document: Document, lock: Document, clone: Path) -> Finished:
    """What has been run of the grid of ``settings``, which are those of ``document``.

    Raises LotteryError unless the winning ticket has.
    """
    done = up_to_date(lock, document)
    cells = grid.cells(settings)
    for cell in cells:
        first = (f"tokenize@{cell.corpus}", f"baseline@{cell.corpus}", f"train@{cell.name}")
        ticket = cell.winning_ticket.name
        for name in (*first, *(f"{stage}@{ticket}" for stage in ("prune", "evaluate", "compare"))):
            if name not in done:
                raise LotteryError(
                    f"{clone / LOCK}: stage {name} has not been run with these parameters; a study "
                    f"needs at least {WINNING_TICKET}; run 'dvc repro' there first"
                )
    return among(settings, done)


def among(settings: Params, done: set[str]) -> Finished:
    """What of the grid of ``settings`` the stages ``done`` finish, in all cells."""
    cells = grid.cells(settings)

    def ran(arm: str, *stages: str) -> bool:
        return {f"{stage}@{cell.of_arm(arm).name}" for stage in stages for cell in cells} <= done

    def transferred(arm: str) -> bool:
        pairs = product(range(len(settings.transfer.pairs)), settings.models)
        names = {f"pair{number}-{model}-{arm}" for number, model in pairs}
        return {f"{stage}@{n}" for stage in ("transfer", "compare_transfer") for n in names} <= done

    return Finished(
        [arm for arm in settings.strategies if ran(arm, "prune", "evaluate", "compare")],
        [arm for arm in settings.controls if ran(arm, "branch", "compare_control")],
        [arm for arm in settings.transfer.arms if settings.transfer.pairs and transferred(arm)],
        {f"connectivity@{cell.name}" for cell in cells} <= done,
    )


def missing(settings: Params, finished: Finished) -> list[str]:
    """The other arms of the grid, and connectivity if it has not been run."""
    arms = dict.fromkeys(run.arm for run in grid.runs(settings))
    others = [arm for arm in arms if arm not in finished.arms]
    return others if finished.connectivity else [*others, "connectivity"]


def up_to_date(lock: Document, document: Document) -> set[str]:
    """The stages in ``dvc.lock`` that ran with the parameters that ``params.yaml`` has now."""
    return {
        name
        for name, stage in lock["stages"].items()
        if all(
            value(document, key) == recorded
            for key, recorded in stage.get("params", {}).get(str(paths.PARAMS), {}).items()
        )
    }


def value(document: Any, key: str) -> Any:
    """The value of a key with dots, such as ``models.cnn``; None if there is none."""
    for part in key.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document
