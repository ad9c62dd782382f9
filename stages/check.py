"""Refuse what cannot run in params.yaml and claims.yaml, before any stage deletes an output.

Every other stage but ``code`` comes after this one. It runs when either file, or a model, strategy,
control, criterion or corpus module changes, and writes the same each time, so nothing else reruns.
"""

from lottery.analysis import claims
from lottery.config.schema import Params
from lottery.pipeline import check, cli
from lottery.storage import files, paths


def run(params: Params) -> None:
    """Write ``data/checks/params.txt``. Raises LotteryError for what cannot run."""
    check.check(params)
    claims.load(paths.CLAIMS)
    files.write_text(paths.CHECKED_PARAMS, "checked\n")


if __name__ == "__main__":
    cli.main("check", __doc__, run)
