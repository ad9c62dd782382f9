"""States of training runs: nothing starts too early, and nothing is waited for in vain."""

from helpers import ROOT
from hypothesis import given
from hypothesis import strategies as st

from lottery.config import params
from lottery.pipeline import grouping, training_runs
from lottery.pipeline.board import Board, State

RUNS = training_runs.of_grid(params.load(ROOT / "profiles" / "smoke.yaml"))
ENDS = (State.DONE, State.LEFT_OUT, State.FAILED)


@given(st.data())
def test_in_any_order_each_run_ends_once_after_those_that_it_needs(data: st.DataObject) -> None:
    """However groups are chosen and however each run ends, none is waited for without an end."""
    board, done = Board(RUNS), set()
    groups = data.draw(st.sampled_from([[(run,) for run in RUNS], grouping.groups(RUNS)]))
    while ready := [group for group in groups if board.can_start_all(group)]:
        group = data.draw(st.sampled_from(ready), "group")
        for run in board.in_state(State.WAITING, among=group):
            assert set(run.needs) <= done
            end = data.draw(st.sampled_from(ENDS), "end")
            board.set(run.name, end)
            if end is State.DONE:
                done.add(run.name)
    assert not board.in_state(State.WAITING, State.RUNNING)
    assert {run.name for run in board.in_state(State.DONE)} == done


def test_a_failure_reaches_those_that_need_the_run_and_no_other() -> None:
    board = Board(RUNS)
    board.set("train rotten_tomatoes-cnn seed 0", State.FAILED)
    failed = {run.name for run in board.in_state(State.FAILED)}
    assert failed == {run.name for run in RUNS if run.run.cell.endswith("cnn") and run.seed == 0}
    assert board.is_needed("train rotten_tomatoes-cnn seed 0")
    assert board.is_needed("prune rotten_tomatoes-cnn-winning_ticket seed 0")
    assert not board.is_needed("prune rotten_tomatoes-cnn-late_rewinding seed 0")
