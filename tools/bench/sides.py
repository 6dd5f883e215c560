"""The three sides by name: which are there, and how the packages among them are loaded."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
from collections.abc import Mapping
from typing import Any

KERAS = "3.15.1"


def load(side: str) -> Any:
    """The package of a side, as a user imports it; `hand` has none."""
    if side == "keras":
        os.environ["KERAS_BACKEND"] = "jax"
    return importlib.import_module(side)


def environment() -> Mapping[str, str]:
    """Environment of a timed process: Keras on JAX, no compilation cache."""
    dropped = ("JAX_COMPILATION_CACHE_DIR",)
    return {key: value for key, value in os.environ.items() if key not in dropped} | {"KERAS_BACKEND": "jax"}


def available(asked: list[str]) -> tuple[list[str], list[str]]:
    """Of the sides asked for, those that can run here, and remarks on those that cannot."""
    found, remarks = [], []
    for side in asked:
        if side == "keras" and importlib.util.find_spec("keras") is None:
            remarks.append("keras is not installed: pip install 'kgc[oracle]'")
            continue
        found.append(side)
        if side == "keras" and (version := importlib.metadata.version("keras")) != KERAS:
            remarks.append(f"keras is {version}; the figures to compare with are those of {KERAS}")
    return found, remarks


def versions() -> dict[str, str]:
    """Versions of all that takes part."""
    names = ("kgc", "keras", "jax", "jaxlib", "optax", "numpy")
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "-"
    return found
