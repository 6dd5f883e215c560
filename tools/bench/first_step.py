"""One cold process: from before the import to the end of the first training step.  Run by path: first_step.py SIDE NAME

Nothing but the standard library is imported before the clock starts, and nothing of the project but what is timed.
"""

import time

START = time.perf_counter()

import importlib  # noqa: E402
import json  # noqa: E402
import operator  # noqa: E402
import runpy  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

HERE = Path(__file__).parent
# A package that loads its names when they are used is not imported before these are there.
NAMES = (
    "Input",
    "Model",
    "layers.Dense",
    "layers.Conv2D",
    "losses.SparseCategoricalCrossentropy",
    "optimizers.RMSprop",
)


def main(side: str, name: str) -> None:
    """Print the seconds of the import and of the whole as JSON."""
    by_hand, package = side == "hand", None
    loaded = runpy.run_path(str(HERE / "handwritten.py")) if by_hand else {}
    if not by_hand:
        package = importlib.import_module(side)
        for dotted in NAMES:
            operator.attrgetter(dotted)(package)
    imported = time.perf_counter() - START
    workloads = runpy.run_path(str(HERE / "workloads.py"))
    batch = workloads["BATCH"]
    x, y = workloads["data"](name, batch)
    if by_hand:
        loss = loaded["Handwritten"](name).fit(x, y, batch)["loss"]
    else:
        loss = workloads["compiled"](package, name).fit(x, y, batch_size=batch, verbose=0).history["loss"][0]
    total = time.perf_counter() - START
    print(json.dumps({"import": imported, "total": total, "loss": float(loss)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
