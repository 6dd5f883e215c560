"""Records what Keras gives for `keras_cases.py`:  KERAS_BACKEND=jax python -m tests.compiler.ops.record_keras

Run from the repository root, with Keras 3.15.1 (`pip install -e .[oracle]`), after a case was added or changed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from .keras_cases import CASES, OPS, results

TABLE = Path(__file__).parent / "fixtures" / "keras.npz"


def stored(found: dict[str, np.ndarray]) -> dict[str, tuple[str, np.ndarray]]:
    """By key the dtype's name, and the array in a dtype that files can hold."""
    wide = {key: x.astype("float32") if x.dtype == ml_dtypes.bfloat16 else x for key, x in found.items()}
    return {key: (x.dtype.name, wide[key]) for key, x in found.items()}


def recorded() -> dict[str, dict[str, tuple[str, np.ndarray]]]:
    """The table: by case and key, as `stored`."""
    table: dict[str, dict[str, tuple[str, np.ndarray]]] = {}
    with np.load(TABLE) as file:
        for label in file.files:
            name, key, dtype = label.split("|")
            table.setdefault(name, {})[key] = (dtype, file[label])
    return table


def main() -> None:
    os.environ["KERAS_BACKEND"] = "jax"
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import keras

    if keras.__version__ != "3.15.1":
        raise SystemExit(f"the table is that of Keras 3.15.1; this is {keras.__version__}")
    arrays: dict[str, Any] = {}
    for op in OPS:
        for name, found in results(op, getattr(keras.activations if op == "mish" else keras.ops, op)).items():
            for key, (dtype, array) in stored(found).items():
                arrays[f"{name}|{key}|{dtype}"] = array
    np.savez_compressed(TABLE, **arrays)
    print(f"{len(CASES)} cases, {TABLE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
