"""One process that defines a chain of layers.  Run by path: define.py SIDE DEPTH

Prints the seconds from `Input` to the finished `Model`, once the package and its initializers are warm.
"""

import importlib
import json
import runpy
import sys
import time
from pathlib import Path


def main(side: str, depth: int) -> None:
    """Define a chain of three, then the chain that is timed."""
    package = importlib.import_module(side)
    chain = runpy.run_path(str(Path(__file__).with_name("workloads.py")))["chain"]
    chain(package, 3)
    start = time.perf_counter()
    model = chain(package, depth)
    total = time.perf_counter() - start
    if len(model.weights) != 2 * depth:
        raise SystemExit(f"{len(model.weights)} weights in a chain of {depth}")
    print(json.dumps({"total": total}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
