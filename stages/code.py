"""Record which code each stage runs, so that only a change of code that it imports reruns it.

One file per stage. If dvc.yaml listed every source file instead, dvc.lock would have a hundred and
fifty more lines per stage. DVC reads and writes all of them after each stage: three seconds.
"""

from pathlib import Path

from lottery.config.schema import Params
from lottery.pipeline import cli, code_digests
from lottery.storage import files, paths


def run(params: Params) -> None:
    """Write ``data/code/<stage>.json``: the SHA-256 of each file that the stage imports.

    Raises LotteryError for a file that is not Python.
    """
    graph = code_digests.graph(types=True)
    for script in sorted(Path("stages").glob("[!_]*.py")):
        if script.stem != "code":
            modules = code_digests.modules(graph, script.stem)
            files.write_json(paths.code(script.stem), code_digests.digests(modules))


if __name__ == "__main__":
    cli.main("code", __doc__, run)
