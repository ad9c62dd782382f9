"""Runs of one cell side by side whose levels train in lockstep.

Each *task* is a function that does with its :class:`~lottery.experiment.lockstep.replicate
.Replicate` what it would do with one of its own: a dense run, a pruning run, a control. A task
waits at each training until all others have come to one too, or have ended; then these train
together (:mod:`lottery.training.lockstep.loop`). The checkpoints that a task writes are those that
it would write alone, under the same names: later it resumes from them, in lockstep or not, and
trains nothing.

Which trainings are one group is a function of the tasks, not of what was interrupted when: a group
of which one result is missing trains all of them again, to the same bytes.
"""
