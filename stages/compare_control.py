"""Measure what the test documents add to the uncertainty of one control's contrasts."""

from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.pipeline import cli, comparison
from lottery.storage import logits


def run(params: Params, corpus: str, model: str, control: str) -> None:
    """Write ``plots/documents/<cell>-<control>.csv``: a row per contrast of ``claims.yaml``."""
    arm = Run(params, corpus, model, control)
    comparison.compare(arm, lambda seed: logits.of_control(arm.branch_folder, seed))


if __name__ == "__main__":
    cli.main("compare_control", __doc__, run, "corpus", "model", "control")
