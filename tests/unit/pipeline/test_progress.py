"""What a person is told of how far the work is, and when."""

from types import SimpleNamespace

import pytest
import torch
from helpers import MakeCell
from hypothesis import given
from hypothesis import strategies as st

from lottery.experiment.replicate import Replicate
from lottery.pipeline import reporter, seed_progress
from lottery.pipeline.reporter import Note, Position, Reporter
from lottery.pipeline.seed_progress import SeedsProgress
from lottery.progress import BAR, EVERY_S, FIRST_S, Display, Status, about, clock, fitted


class Clock:
    """Seconds that a test decides."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


words = st.text("abcdefgh_-", min_size=1, max_size=50)
statuses = st.builds(
    Status,
    name=words,
    details=st.lists(words, max_size=4).map(tuple),
    share=st.floats(0, 1),
    left_s=st.none() | st.floats(0, 1e7),
)


@given(statuses, st.floats(0, 1e7), st.integers(40, 200))
def test_a_line_fits_its_terminal(status: Status, elapsed: float, width: int) -> None:
    name, bar, rest = fitted(status, elapsed, width)
    assert len(name) + len(rest) + 1 + (bar + 1 if bar else 0) <= width
    assert bar == 0 or bar in BAR
    assert status.name.startswith(name.removesuffix("…"))
    if status.left_s is not None:
        assert rest.endswith(f"about {about(status.left_s)} left")


def test_what_80_columns_show() -> None:
    """The longest name of the quick profile: the bar is left out, the time left is not."""
    details = ("0/3 seeds", "level 3/7", "epoch 2/3", "accuracy 71.2 %")
    status = Status("prune rotten_tomatoes-lstm last_epoch_rewinding", details, 0.1, 240)
    line = " ".join(str(piece) for piece in fitted(status, 72, 80) if piece)
    assert line == ("prune rotten_tomatoes-lstm last_epoch_rewinding 0/3 seeds about 4 min left")
    name, bar, rest = fitted(status, 72, 160)
    assert (name, bar) == (status.name, BAR.stop - 1)
    assert rest == "0/3 seeds level 3/7 epoch 2/3 accuracy 71.2 % 1:12 about 4 min left"


def test_times() -> None:
    assert [about(seconds) for seconds in (0, 99.4, 100, 5969, 5971)] == [
        "0 s",
        "99 s",
        "2 min",
        "99 min",
        "1.7 h",
    ]
    assert [clock(seconds) for seconds in (5, 65, 3723)] == ["0:05", "1:05", "1:02:03"]


def test_a_log_of_long_work(capsys: pytest.CaptureFixture[str]) -> None:
    """A line after a minute, then every five; a notice at once, and only when there is one."""
    now, notices = Clock(), [None, "an epoch is long", None]
    status = Status("train imdb-lstm", ("0/1 seeds", "epoch 1/3"), 0.2, 3600)
    display = Display(lambda: status, lambda: notices.pop() if notices else None, now)
    printed = []
    for now.now in (0, FIRST_S - 1, FIRST_S + 1, EVERY_S + FIRST_S - 2, 2 * FIRST_S + EVERY_S):
        display.tick()
        printed.append(capsys.readouterr().err.splitlines())
    line = "train imdb-lstm: 0/1 seeds, epoch 1/3, {} so far, about 60 min left"
    assert printed[:2] == [[], ["an epoch is long"]]
    # The notice was a line: the next one is five minutes after it.
    assert printed[2:] == [[], [], [line.format("7 min")]]


def test_a_log_of_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    now = Clock()
    display = Display(lambda: Status("download imdb", ("3/80 MB",), 0.1), clock=now)
    now.now = FIRST_S
    display.tick()
    display.tick()
    assert capsys.readouterr().err == "download imdb: 3/80 MB, 60 s so far\n"


def at(share: float, **changes: object) -> Position:
    return Position(**{"share": share, "label": "level 1/4", "is_work": True, **changes})  # type: ignore[arg-type]


def test_time_left_of_seeds_that_run_and_wait() -> None:
    """Three seeds, two at a time, 100 s each: the third starts when one of them ends."""
    now = Clock()
    progress = SeedsProgress("prune cell arm", 3, 2, now)
    for seed in (0, 1):
        progress.began(seed)
        progress.moved(seed, at(0.0))
    assert progress.status().left_s is None, "nothing is measured yet"
    now.now = 50
    progress.moved(0, at(0.5))
    progress.moved(1, at(0.5))
    assert progress.status().left_s == pytest.approx(150)
    assert progress.status().share == pytest.approx(1 / 3)
    now.now = 60
    assert progress.status().left_s == pytest.approx(140), "time passes between reports, too"
    now.now = 100
    progress.moved(0, at(1.0))
    assert progress.finished(0) == (
        "prune cell arm: seed 0 took 2 min; 1/3 seeds done; about 2 min left"
    )
    progress.began(2)
    assert progress.status().left_s == pytest.approx(100)
    assert progress.status().details[0] == "1/3 seeds"


def test_what_was_read_from_checkpoints_does_not_count_as_fast() -> None:
    now = Clock()
    progress = SeedsProgress("prune cell arm", 1, 1, now)
    progress.began(0)
    progress.moved(0, at(0.0, is_work=False))
    now.now = 1
    progress.moved(0, at(0.5, is_work=False))
    progress.moved(0, at(0.5))
    now.now = 11
    progress.moved(0, at(0.6))
    assert progress.status().left_s == pytest.approx(40)


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=8), st.integers(1, 8))
def test_time_left_is_between_one_process_and_endless_ones(
    shares: list[float], waiting: int
) -> None:
    """Of seeds of 100 s, all running ones measured."""
    now = Clock()
    progress = SeedsProgress("prune cell arm", len(shares) + waiting, len(shares), now)
    for seed in range(len(shares)):
        progress.began(seed)
        progress.moved(seed, at(0.0))
    for seed, now.now in sorted(enumerate(100 * share for share in shares), key=lambda x: x[1]):
        progress.moved(seed, at(shares[seed]))
    left = progress.status().left_s
    running = [100 * (1 - share) - (now.now - 100 * share) for share in shares]
    total = sum(max(0, seconds) for seconds in running) + 100 * waiting
    assert left is not None
    assert max(running) - 1e-6 <= left <= total + 1e-6
    assert left >= total / len(shares) - 1e-6


def test_a_long_epoch_is_said_once() -> None:
    now = Clock()
    progress = SeedsProgress("prune imdb-lstm winning_ticket", 3, 1, now)
    progress.began(0)
    trains = {"trainings": 21, "epochs": 3, "batches": 100}
    progress.moved(0, at(0.0, epochs_done=0.01, **trains))
    now.now = seed_progress.MEASURED_S - 1
    assert progress.long_epoch() is None, "too early to tell"
    now.now = 84
    progress.moved(0, at(0.0, epochs_done=0.11, **trains))
    said = "prune imdb-lstm winning_ticket: about 14 min per epoch, 3 epochs x 21 levels per seed"
    assert progress.long_epoch() == said
    assert progress.long_epoch() is None


@pytest.mark.parametrize(
    ("waited", "expected"), [(59, None), (61, "a batch (or validation) has taken 61 s and goes on")]
)
def test_which_epochs_are_long(waited: int, expected: str | None) -> None:
    """Twenty seconds an epoch are nothing to say; a batch that does not end is: of a document of a
    million words, say. The batches before it tell nothing of its length."""
    now = Clock()
    progress = SeedsProgress("train imdb-lstm", 1, 1, now)
    progress.began(0)
    trains = {"trainings": 1, "epochs": 3, "batches": 100}
    progress.moved(0, at(0.0, epochs_done=0.01, **trains))
    now.now = 10
    progress.moved(0, at(0.0, epochs_done=0.51, **trains))
    assert progress.long_epoch() is None
    now.now += waited
    said = progress.long_epoch()
    assert said == (expected and f"train imdb-lstm: {expected}, 3 epochs per seed")


def test_reports_of_a_training_change_no_byte(
    make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "REPORTED_S", 0)
    cell, reports = make_cell(), list[Position | Note]()
    told = Reporter(reports.append)
    watching = Replicate(cell, 0, on_epoch=told.after_epoch, on_batch=told.after_batch)
    (watched,) = [watching.dense_run() for _ in told.track([0], "", 1, trains=True)]
    alone = Replicate(cell, 0).dense_run()
    assert watched.history == alone.history
    assert all(torch.equal(watched.final[name], alone.final[name]) for name in alone.final)
    positions = [report for report in reports if isinstance(report, Position)]
    shares = [position.share for position in positions]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    epochs, batches = len(alone.history), positions[1].batches
    assert batches > 1
    assert len(positions) == 2 + epochs * batches
    assert positions[1].epochs_done == pytest.approx(1 / batches)
    assert positions[-1].accuracy == alone.history[-1]["validation_accuracy"]


def test_reports_are_few() -> None:
    """Of a thousand batches in no time only the first is reported."""
    reports = list[Position | Note]()
    told = Reporter(reports.append)
    plan = SimpleNamespace(epochs=range(1, 3))
    next(iter(told.track(range(2), "level", 2, trains=True)))
    for batch in range(1000):
        told.after_batch(plan, 1, batch + 1, 1000)  # type: ignore[arg-type]
    assert len(reports) == 2
    assert reports[1] == Position(0.00025, "level 1/2", 2, 2, 0.001, 1000, None, True)


def test_parts_of_a_seeds_work() -> None:
    """Connectivity trains, then evaluates lines: half each."""
    reports = list[Position]()
    told = Reporter(reports.append)  # type: ignore[arg-type]
    for _ in told.track("ab", "level", 2, trains=True, share=0.5):
        pass
    for _ in told.track("abcd", "line", 4, start=0.5, share=0.5):
        pass
    assert [report.share for report in reports] == [0, 0.25, 0.5, 0.5, 0.625, 0.75, 0.875, 1]
    assert reports[-1].details == ("line 4/4",)
    assert [report.is_work for report in reports] == [False] * 3 + [True] * 5
