"""Recorded inputs and outputs: made at export with fixed numbers, and held against the program wherever it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from ...compiler import dims, interpret
from ...compiler.errors import KgcError
from ...compiler.graph import Graph
from ...compiler.types import is_float
from ..program import data_names, is_key
from .checked import every_node
from .execution import ADDRESS, Execution

PRECISION = "highest"
"""Of matrix products in examples, so that accelerators can be held against a CPU."""
ROWS = 2
LARGEST = 1 << 23
"""Bytes of an example."""
LARGEST_VALUE = 1 << 31
"""Bytes that any value of a program may take on its example."""
_SIZES = (8, 16, 32, 64, 128, 256, 3, 1)
_TOLERANCE = {"float32": 1e-4, "bfloat16": 5e-2, "float16": 1e-2, "float64": 1e-9, "complex64": 1e-4}


def record(
    execution: Execution, source: Graph, arrays: tuple[Any, ...], address: Any, times: int = 1
) -> tuple[list[Any], list[Any]] | str:
    """Inputs and outputs as NumPy arrays; or why there are none.

    `source` is the graph before passes, for a signature has inputs too that nothing needs.  Outputs are those of
    `times` calls, one after the other, each on the state that the one before left.
    """
    names = data_names(source)
    positions = [names.index(name) for name in data_names(execution.graph)]
    reason = "no sizes were found that the model takes"
    for size in _SIZES:
        given = _inputs(source, size)
        if isinstance(given, str):
            return given
        data = tuple(given[at] for at in positions)
        try:
            types = jax.eval_shape(execution.run, data, arrays, address)[0]
        except (KgcError, ValueError, TypeError) as error:
            reason = f"{error}".partition("\n")[0]
            continue
        if any(0 in type_.shape for type_ in types):
            reason = "its outputs are empty on all sizes that were tried"
            continue
        taken = sum(array.nbytes for array in given) + sum(type_.size * type_.dtype.itemsize for type_ in types)
        if taken > LARGEST:
            return f"an example would take {taken} bytes"
        return list(given), repeated(execution, data, arrays, address, times)
    return reason


def replayed(
    execution: Execution, data: tuple[Any, ...], arrays: tuple[Any, ...], address: Any, times: int
) -> list[np.ndarray]:
    """As `repeated`, for a program from a file, which may be anything.

    Raises:
        ValueError: it does not run on these data, or would need far more memory than any model for so few.
    """
    try:
        _check_memory(execution.graph, data)
        return repeated(execution, data, arrays, address, times)
    except KgcError as error:
        raise ValueError(error.what) from error
    except Exception as error:  # of whatever XLA finds
        raise ValueError(f"{type(error).__name__}: {error}".partition("\n")[0][:300]) from error


def _check_memory(graph: Graph, data: tuple[Any, ...]) -> None:
    env: dict[str, int | dims.Dim] = {}
    values = [value for value in graph.inputs if not is_key(value)]
    if not all(interpret.bind(value.type, array, env) for value, array in zip(values, data, strict=True)):
        raise ValueError("the recorded inputs have other shapes than it takes")
    for node in every_node(graph):
        for result in node.results:
            type_ = result.type.substitute(env)
            count = math.prod(size for size in type_.shape if isinstance(size, int))
            if count * 8 > LARGEST_VALUE:
                raise ValueError(f"{node.op.name} gives {type_} on the recorded inputs")


def repeated(
    execution: Execution, data: tuple[Any, ...], arrays: tuple[Any, ...], address: Any, times: int
) -> list[np.ndarray]:
    """Outputs of `times` calls, one after the other."""
    found: list[np.ndarray] = []
    for _ in range(times):
        outputs, assigned = execution(data, arrays, address)
        arrays = execution.advanced(arrays, assigned)
        found += [np.asarray(output) for output in outputs]
    return found


def _inputs(graph: Graph, size: int) -> tuple[np.ndarray, ...] | str:
    """Numbers for every input: rows of a batch, and `size` for other unknown sizes."""
    generator = np.random.Generator(np.random.PCG64(0))
    found: list[np.ndarray] = []
    for value in graph.inputs:
        if is_key(value):
            continue
        env: dict[str, int | dims.Dim] = {s: ROWS if s[0] == "b" else size for s in value.type.symbols}
        type_ = value.type.substitute(env)
        shape = tuple(int(n) for n in type_.shape)
        if np.prod(shape, dtype=np.float64) > LARGEST:
            return f"an input of shape {shape} is too large to be recorded"
        if is_float(type_.dtype):
            found.append(generator.standard_normal(shape, np.float32).astype(type_.aval.dtype))
        else:  # small numbers are in the range of every embedding
            found.append(generator.integers(0, 2, shape).astype(type_.aval.dtype))
    return tuple(found)


def deviation(given: Sequence[Any], recorded: Sequence[np.ndarray]) -> float:
    """The largest difference between outputs, in units of what is tolerated: up to 1 is equal.

    The tolerance is relative to an output's largest number, 1e-4 for float32; integers must be the same.
    """
    worst = 0.0
    for one, wanted in zip(given, recorded, strict=True):
        array = np.asarray(one)
        if array.shape != wanted.shape or array.dtype != wanted.dtype:
            return float("inf")
        tolerance = _TOLERANCE.get(array.dtype.name)
        if tolerance is None:
            worst = max(worst, 0.0 if np.array_equal(array, wanted) else float("inf"))
            continue
        kind = np.complex128 if array.dtype.kind == "c" else np.float64
        ours, theirs = array.astype(kind), wanted.astype(kind)
        strange = ~np.isfinite(theirs)
        if not np.array_equal(ours[strange], theirs[strange], equal_nan=True):
            return float("inf")
        if strange.all():
            continue
        scale = np.abs(theirs[~strange]).max()
        difference = np.abs(ours[~strange] - theirs[~strange]).max()
        if not np.isfinite(difference):
            return float("inf")
        worst = max(worst, float(difference / (tolerance * max(scale, 1e-30))) if difference else 0.0)
    return worst


def address(seed: int | None, number: int = 0) -> np.ndarray:
    """The address of a call's random numbers: that of a seed (0 to 2**64 - 1)."""
    value = seed or 0
    return np.array([value & 0xFFFFFFFF, value >> 32, number], ADDRESS.dtype)
