"""Records what real Keras gives for every case:  KERAS_BACKEND=jax python -m tests.oracle.record [FAMILY …]

Run from the repository root, with Keras 3.15.1 (`pip install -e .[oracle]`), after a case was added or changed. With
`--check` nothing is written: the fixtures are compared with what Keras gives now.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from typing import Any

import numpy as np

from .case import differences, results
from .catalogue import DIGEST, FACTS, FIXTURES, KERAS, families, recorded, recorded_facts


def load_keras() -> Any:
    """Real Keras on JAX, of the one version that counts."""
    os.environ["KERAS_BACKEND"] = "jax"
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    # A case that makes Keras warn is not written as Keras wants it.
    warnings.simplefilter("error", UserWarning)
    import keras

    if keras.__version__ != KERAS:
        raise SystemExit(f"the fixtures are those of Keras {KERAS}; this is {keras.__version__}")
    return keras


def plain(value: Any) -> Any:
    """A fact as it reads back from JSON."""
    return json.loads(json.dumps(value))


def record_family(keras: Any, name: str) -> int:
    """Write one family's fixture; the number of bytes."""
    arrays: dict[str, np.ndarray] = {}
    for case in families()[name]:
        found, digest = results(case, keras)
        arrays |= {f"{case.name}|{key}": value.value for key, value in found.items()}
        arrays[f"{case.name}|{DIGEST}"] = np.array(digest, "uint32")
    path = FIXTURES / f"{name}.npz"
    np.savez_compressed(path, allow_pickle=False, **arrays)
    return path.stat().st_size


def check_family(keras: Any, name: str) -> list[str]:
    """Differences between a family's fixture and what Keras gives now."""
    wrong = []
    for case in families()[name]:
        found, digest = results(case, keras)
        expected, then = recorded(case)
        wrong += [] if digest == then else [f"{case.name}: drew other numbers than when recorded"]
        wrong += [f"{case.name}: {line}" for line in differences(found, expected, case.tolerance)]
    return wrong


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.record", description=__doc__)
    parser.add_argument("families", nargs="*", help="all where none is named; facts are one more")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args(arguments)
    keras, wrong = load_keras(), []
    for name in options.families or [*families(), "facts"]:
        start = time.perf_counter()
        if name == "facts":
            facts = {key: plain(run(keras)) for key, run in FACTS.items()}
            text = json.dumps(facts, indent=1, sort_keys=True) + "\n"
            if not options.check:
                (FIXTURES / "facts.json").write_text(text)
            elif facts != recorded_facts():
                wrong.append("facts.json differs")
            note = f"{len(facts)} facts, {len(text)} bytes"
        elif options.check:
            wrong += (found := check_family(keras, name))
            note = f"{len(families()[name])} cases, {len(found)} differences"
        else:
            note = f"{len(families()[name])} cases, {record_family(keras, name)} bytes"
        print(f"{name}: {note}, {time.perf_counter() - start:.1f} s", flush=True)
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
