"""Choose each strategy's ticket on validation, test the claims, and write curves and metrics.

It reads the tables of all cells in plots/tables. Tables of cells, strategies or controls that are
no longer in params.yaml are deleted from there.
"""

from lottery.config.schema import Params
from lottery.pipeline import cli, selection


def run(params: Params) -> None:
    """Write ``plots/curves/<cell>.csv``, ``plots/statistics/*.csv``, ``metrics/<cell>.json``,
    ``metrics/overview.json`` and ``metrics/claims.json``."""
    selection.remove_orphans(params)
    selection.write(params, selection.choose_tickets(params))


if __name__ == "__main__":
    cli.main("select", __doc__, run)
