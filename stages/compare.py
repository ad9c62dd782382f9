"""Measure what the test documents add to the uncertainty of one strategy's contrasts."""

from lottery.config.grid import Run
from lottery.config.schema import Params
from lottery.pipeline import cli, comparison
from lottery.storage import logits


def run(params: Params, corpus: str, model: str, strategy: str) -> None:
    """Write ``plots/documents/<cell>-<strategy>.csv``: a row per contrast of ``claims.yaml``."""
    arm = Run(params, corpus, model, strategy)
    comparison.compare(arm, lambda seed: logits.of_strategy(arm.logits_folder, seed))


if __name__ == "__main__":
    cli.main("compare", __doc__, run, "corpus", "model", "strategy")
