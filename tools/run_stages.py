"""Run stages from token arrays alone, without DVC, and pack what a study keeps of them.

For a machine that has Git's files, data/tokens/<corpus> and the packages that training needs, but
neither DVC nor a package index. A stage that has run is not run again unless something that it
reads has changed; one that was stopped resumes from its checkpoints.
"""

import argparse
import contextlib
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lottery.analysis import claims
from lottery.config import params, strict_yaml
from lottery.errors import LotteryError, brief, one_line
from lottery.pipeline import grouping, numba_cache, training_runs
from lottery.pipeline.cli import Parser
from lottery.progress import about
from lottery.storage import locks, paths
from tools import dvc_stages, stage_clock, stage_inputs, stage_records, study_archive
from tools.dvc_stages import Stage
from tools.stage_clock import Clock

ARCHIVE = Path("study.tar.gz")
STOPPED = 3
"""The exit status when the seconds are over before the stages are done."""
CHECKED_S = 0.5
"""How often the clock is looked at while a stage runs."""
STOP_S = 60.0
"""How long a stage may take to stop. It takes a second or two, unless the disk is slow."""


class OutOfTime(Exception):
    """The seconds are over."""


def run_all(
    stages: Sequence[Stage], records: stage_records.Records, clock: Clock, in_groups: bool
) -> None:
    """Run those of ``stages`` that are not up to date, in order, and record each; if ``in_groups``,
    first train all their runs in lockstep, whose results they then assemble.

    Raises OutOfTime at the clock's end, and LotteryError for a stage that failed. A stage that is
    under way is then stopped, and its checkpoints are saved.
    """
    # What it writes is in Git, but may be of other code than is here.
    if _run([sys.executable, "-m", "stages.code"], clock):
        raise LotteryError("stage code failed; what it said is above")
    training = [stage for stage in stages if stage.kind in training_runs.STAGES]
    if in_groups and not all(records.is_up_to_date(stage) for stage in training):
        print(f"all training first, in lockstep ({clock.limit()})", file=sys.stderr, flush=True)
        names = [stage.name for stage in training]  # all: they decide the groups
        if _run([sys.executable, "-m", "tools.precompute", *names], clock):
            raise LotteryError("training in lockstep failed; what it said is above")
    for number, stage in enumerate(stages, 1):
        if records.is_up_to_date(stage):
            continue
        pending = [stage, *(later for later in stages[number:] if not records.has(later))]
        where = f"stage {number} of {len(stages)}: {' '.join([stage.kind, *stage.arguments])}"
        print(f"{where} ({clock.sentence(pending, stages)})", file=sys.stderr, flush=True)
        records.forget(stage)
        status = _run([sys.executable, "-m", f"stages.{stage.kind}", *stage.arguments], clock)
        if status:
            raise LotteryError(f"stage {stage.name} failed; what it said is above")
        records.add(stage)


def _run(command: list[str], clock: Clock) -> int:
    """The exit status of ``command``. Raises OutOfTime, and stops it, at the clock's end."""
    if clock.left_s() <= 0:
        raise OutOfTime
    # In a group of its own, so that Ctrl-C reaches only this process, which stops it once.
    process = subprocess.Popen(command, process_group=0)
    try:
        while clock.left_s() > 0:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(min(clock.left_s(), CHECKED_S))
        raise OutOfTime
    finally:
        if process.poll() is None:
            _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End a stage: politely, so that it saves what it has; after a minute in any case."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _pack(archive: Path, stages: list[Stage], records: stage_records.Records) -> str:
    """Pack those of ``stages`` that are done; what to tell of it."""
    done = [stage for stage in stages if records.is_up_to_date(stage)]
    try:
        packed = study_archive.pack(archive, done, records)
    except LotteryError as error:
        return f"{archive}: not written: {error}"
    lacks = f"; not run yet: {', '.join(packed.missing)}" if packed.missing else ""
    return (
        f"{archive} ({archive.stat().st_size / 1000:.0f} kB) has {', '.join(packed.cells)}{lacks}; "
        f"where the token arrays were made, run 'make studies FROM={archive}'"
    )


def _list(stages: Sequence[Stage], records: stage_records.Records) -> None:
    for stage in stages:
        print(f"{'done   ' if records.is_up_to_date(stage) else 'pending'}  {stage.name}")


def _parser() -> Parser:
    parser = Parser("python -m tools.run_stages", description=__doc__)
    dvc_stages.add_arguments(parser, "that it depends on")
    parser.add_argument(
        "--seconds",
        type=_seconds,
        help=f"stop after so many seconds, with exit status {STOPPED}; the same command goes on",
    )
    parser.add_argument(
        "--archive", type=Path, default=ARCHIVE, help=f"what to pack into (default: {ARCHIVE})"
    )
    parser.add_argument("--list", action="store_true", help="list the stages and run none")
    return parser


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a positive number, got {brief(text)}")
    return seconds


def _main(arguments: argparse.Namespace, clock: Clock) -> int:
    """Run and pack; the exit status. Raises LotteryError and OSError."""
    document, settings = strict_yaml.read_yaml(paths.PARAMS), params.load(paths.PARAMS)
    claims.load(paths.CLAIMS)
    every = dvc_stages.load()
    suffice = dvc_stages.from_tokens(every)
    stages = dvc_stages.chosen(suffice, arguments.stages, arguments.cells)
    if arguments.list:
        _list(stages, stage_records.Records(document))
        return 0
    stage_inputs.check(settings, stages, every)
    numba_cache.ensure()
    records = stage_records.Records(document)
    reason, status = "", 0
    try:
        run_all(stages, records, clock, grouping.is_used(settings.device))
    except OutOfTime:
        reason, status = f"stopped after {about(clock.so_far_s())}", STOPPED
    except KeyboardInterrupt:
        reason, status = "interrupted", STOPPED
    except LotteryError as error:
        reason, status = f"error: {error}", 1
    done = sum(records.is_up_to_date(stage) for stage in stages)
    print(f"{done} of {len(stages)} stages are done; {_pack(arguments.archive, suffice, records)}")
    if reason:
        again = shlex.join(["python", "-m", "tools.run_stages", *sys.argv[1:]])
        print(f"{reason}; finished work is saved: to go on, run '{again}' again", file=sys.stderr)
    return status


def main() -> None:
    """``python -m tools.run_stages``: see ``--help``."""
    arguments = _parser().parse_args()
    # A scheduler's stop is handled like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with locks.held(paths.LOCKS / "run_stages.lock", "tools.run_stages"):
            sys.exit(_main(arguments, stage_clock.Clock(arguments.seconds)))
    except (LotteryError, OSError) as error:
        sys.exit(f"error: {one_line(str(error))}")
    except KeyboardInterrupt:
        sys.exit("interrupted; finished work is saved: run the same command to resume")


if __name__ == "__main__":
    main()
