"""Measure what the test documents add to the uncertainty of one transferred arm's contrasts."""

from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.pipeline import cli, comparison
from lottery.storage import logits


def run(params: Params, corpus: str, model: str, arm: str) -> None:
    """Write ``plots/documents/<cell>-<arm>.csv``: a row per contrast of ``claims.yaml``."""
    transferred = Run(params, corpus, model, arm)
    comparison.compare(transferred, lambda seed: logits.of_control(transferred.branch_folder, seed))


if __name__ == "__main__":
    cli.main("compare_transfer", __doc__, run, "corpus", "model", "arm")
