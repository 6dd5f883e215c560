"""`kgc.utils`: seeds, labels as vectors, and a fresh start for the names of layers."""

from __future__ import annotations

import gc
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..compiler.errors import ArgumentError, shown
from ..runtime import seeds
from . import dtype_policies, naming, symbolic

_LARGEST = 2**32 - 1


def set_random_seed(seed: int) -> None:
    """Set the seeds of Python's `random`, of NumPy and of kgc: what follows can be repeated exactly.

    Args:
        seed: from 0 to 2**32 - 1.

    Raises:
        ArgumentError: anything else.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed <= _LARGEST:
        raise ArgumentError(
            "set_random_seed() takes an integer from 0 to 2**32 - 1",
            received=f"seed={seed!r}",
            hint="any will do, such as 42; NumPy takes no others.",
        )
    random.seed(int(seed))
    np.random.seed(int(seed))
    seeds.set_seed(int(seed))


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray[Any, Any]:
    """Class numbers as vectors with a 1 at the class: (…) or (…, 1) → (…, num_classes), float64 as in Keras.

    Args:
        x: whole numbers from 0 to num_classes - 1.
        num_classes: the largest number and 1 by default.

    Raises:
        ArgumentError: x holds anything else, or no numbers to count the classes by.
    """
    if isinstance(x, symbolic.KerasTensor):
        raise ArgumentError(
            "to_categorical() takes arrays", received=repr(x), hint="between layers, `ops.one_hot(x, num_classes)`."
        )
    given = np.asarray(x)
    labels = given.astype("int64") if given.dtype.kind in "biuf" else None
    if labels is None or not np.array_equal(labels, given):
        raise ArgumentError(
            "to_categorical() takes whole numbers",
            received=f"x: {given.dtype}{given.shape} = {str(given)[:60]}",
            hint="number the classes 0, 1, 2, …",
        )
    if num_classes is None:
        if not labels.size:
            raise ArgumentError(
                "to_categorical() needs num_classes where x is empty",
                received=f"x: {given.shape}",
                hint="there is nothing to count the classes by.",
            )
        num_classes = int(labels.max()) + 1
    if isinstance(num_classes, bool) or not isinstance(num_classes, int | np.integer) or num_classes < 1:
        raise ArgumentError(
            "to_categorical() takes num_classes as a positive int",
            received=f"num_classes={num_classes!r}",
            hint="without it, it is the largest class and 1.",
        )
    if labels.size and not 0 <= labels.min() <= labels.max() < num_classes:
        raise ArgumentError(
            f"to_categorical() takes classes from 0 to {num_classes - 1}",
            received=f"classes from {labels.min()} to {labels.max()}",
            hint="give a larger num_classes, or number the classes from 0.",
        )
    shape = labels.shape[:-1] if labels.ndim > 1 and labels.shape[-1] == 1 else labels.shape
    return np.eye(num_classes)[labels.reshape(shape)]


def pad_sequences(
    sequences: Sequence[Sequence[Any]],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray[Any, Any]:
    """Sequences of any lengths as one array, (len(sequences), maxlen, …).

    Args:
        sequences: lists of numbers, or of arrays of one shape.
        maxlen: length of the result; that of the longest by default.
        dtype: dtype of the result.
        padding: "pre" or "post": on which side shorter ones are filled.
        truncating: "pre" or "post": on which side longer ones are cut.
        value: what fills them.

    Raises:
        ArgumentError: it is no list of sequences, their items differ in shape, or an argument is not of these.
    """
    for word, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise ArgumentError(
                f"pad_sequences() takes {word} as 'pre' or 'post'", received=f"{word}={given!r}", hint=f"{word}='post'."
            )
    if not hasattr(sequences, "__len__") or not all(hasattr(sequence, "__len__") for sequence in sequences):
        raise ArgumentError(
            "pad_sequences() takes a list of sequences", received=shown(sequences), hint="for one write `[sequence]`."
        )
    length = max((len(sequence) for sequence in sequences), default=0) if maxlen is None else maxlen
    arrays = [np.asarray(sequence) for sequence in sequences]
    shapes = {array.shape[1:] for array in arrays if len(array)}
    if len(shapes) > 1:
        raise ArgumentError(
            "the items of pad_sequences() have different shapes",
            received=", ".join(map(str, sorted(shapes))),
            hint="each item of each sequence must have the same shape.",
        )
    made = np.full((len(arrays), length, *next(iter(shapes), ())), value, dtype=np.dtype(dtype))
    for row, array in zip(made, arrays, strict=True):
        kept = array[max(len(array) - length, 0) :] if truncating == "pre" else array[:length]
        if len(kept):
            row[slice(len(kept)) if padding == "post" else slice(length - len(kept), None)] = kept
    return made


def clear_session(free_memory: bool = True) -> None:
    """Number automatic names from the start again, and set the dtype policy back to that of `floatx`.

    Args:
        free_memory: whether models that nothing holds any more are freed at once.
    """
    naming.reset()
    dtype_policies.set_dtype_policy(dtype_policies.floatx())
    if free_memory:
        gc.collect()


def is_keras_tensor(x: Any) -> bool:
    """Whether x is a symbolic tensor between layers."""
    return isinstance(x, symbolic.KerasTensor)


def get_source_inputs(tensor: Any) -> list[symbolic.KerasTensor]:
    """The tensors of the `Input`s from which a symbolic tensor is computed, in the order in which they are met.

    Raises:
        ArgumentError: it is no symbolic tensor.
    """
    if not isinstance(tensor, symbolic.KerasTensor):
        raise ArgumentError(
            "get_source_inputs() takes a symbolic tensor", received=shown(tensor), hint="such as what a layer gives."
        )
    found: list[symbolic.KerasTensor] = []
    todo, seen = [tensor.node], set[int]()
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if not node.inputs:
            found += node.outputs
        todo += reversed(list(node.parents()))
    return found
