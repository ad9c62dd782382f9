"""The one error that a user is meant to read."""


class LotteryError(Exception):
    """One line that names the file, key or row at fault and the way out.

    The stages print it without a traceback and exit with 1; everything else that is raised is a
    defect of ours and keeps its traceback under ``--debug``.
    """
