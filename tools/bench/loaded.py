"""A fresh process that loads a model from a file and calls it.  Run by path: loaded.py KIND FILE X.npy NAME QUICK

KIND: `kgc` or `again` (an artifact, without kgc's frontend), `hand` (a folder with a `jax.export` and an `.npz`), or
`raw` (the function itself, for the steady call only).  Prints milliseconds of import, load and first call, and
microseconds of a call, as JSON.
"""

import time

START = time.perf_counter()

import importlib  # noqa: E402
import json  # noqa: E402
import operator  # noqa: E402
import runpy  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402


def artifact(path: str) -> Callable[[Any], Any]:
    """kgc's, from which only `kgc.load` is used."""
    return sys.modules["kgc"].load(path)


def by_hand(path: str) -> Callable[[Any], Any]:
    """What a person writes who has exported a function by JAX."""
    import jax
    import numpy as np
    from jax import export

    called = jax.jit(export.deserialize(bytearray(Path(path, "model.bin").read_bytes())).call)
    with np.load(Path(path, "weights.npz")) as held:
        weights = jax.device_put([held[f"arr_{number}"] for number in range(len(held.files))])
    return lambda x: called(weights, x)


def main(kind: str, path: str, given: str, name: str, quick: str) -> None:
    """Print the figures."""
    if kind in ("kgc", "again"):
        sys.modules["kgc.frontend"] = None  # type: ignore[assignment]
        operator.attrgetter("load")(importlib.import_module("kgc"))  # its modules, as `import jax` loads JAX's
    import jax
    import numpy as np

    x = np.load(given)
    imported = time.perf_counter()
    if kind == "raw":
        made = runpy.run_path(str(Path(__file__).with_name("handwritten.py")))["Handwritten"](name)
        call = made.call
    else:
        call = by_hand(path) if kind == "hand" else artifact(path)
    loaded = time.perf_counter()
    jax.block_until_ready(call(x))
    first = time.perf_counter()
    jax.block_until_ready(call(x))
    once = time.perf_counter() - first
    count = 3 if quick == "1" else max(20, min(1000, int(0.1 / once)))
    rounds = []
    for _ in range(1 if quick == "1" else 7):
        begin = time.perf_counter()
        for _ in range(count):
            jax.block_until_ready(call(x))
        rounds.append((time.perf_counter() - begin) / count)
    figures = {
        "import": (imported - START) * 1e3,
        "load": (loaded - imported) * 1e3,
        "first": (first - loaded) * 1e3,
        "steady": statistics.median(rounds) * 1e6,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
