"""Files in Keras's older `.h5` format, as its versions wrote them; written by h5py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np


def legacy(path: Path, stored: dict[str, dict[str, np.ndarray]], group: str = "", texts: str = "bytes") -> Path:
    """A legacy file: arrays by layer and weight name; `texts` says how names are stored."""
    with h5py.File(path, "w") as file:
        root = file.require_group(group) if group else file
        root.attrs["layer_names"] = names(list(stored), texts)
        root.attrs["backend"] = "tensorflow"
        for layer, weights in stored.items():
            at = root.create_group(layer)
            at.attrs["weight_names"] = names(list(weights), texts)
            for name, value in weights.items():
                at.create_dataset(name, data=value)
    return path


def names(items: list[str], texts: str) -> Any:
    return np.array([item.encode() for item in items]) if texts == "bytes" else items


def values(stored: dict[str, dict[str, np.ndarray]]) -> list[np.ndarray]:
    return [value for weights in stored.values() for value in weights.values()]


def same(model: Any, wanted: list[np.ndarray]) -> None:
    got = model.get_weights()
    assert len(got) == len(wanted)
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(a, b)
