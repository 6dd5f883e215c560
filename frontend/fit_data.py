"""Data given to `fit`, `evaluate`, `predict`, as flat named arrays checked against the model's inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from ..compiler import dims
from ..compiler.errors import DataError, shown
from ..compiler.types import TensorType, dtype_name, tensor_type
from ..runtime.data.arrays import ArraySource, as_array
from ..runtime.data.batches import NamedArray
from ..runtime.data.loaders import is_loader
from . import tree


class Data:
    """Flat arrays of one data set: inputs, targets (of outputs with a loss or metrics) and sample weights."""

    def __init__(
        self,
        x: list[NamedArray],
        y: list[NamedArray | None],
        weights: list[NamedArray | None],
        open_axes: list[dict[int, int]] | None = None,
    ) -> None:
        self.x, self.y, self.weights = x, y, weights
        # For each output, the axes whose size the model leaves open, with the size that they have on these data.
        self._open = open_axes or [{}] * len(y)

    @property
    def rows(self) -> int:
        """Number of rows of the first input."""
        return len(self.x[0].array)

    def replaced(self, leaves: list[Any]) -> Data:
        """The same with other arrays, in the order x, y, weights."""
        a, b = len(self.x), len(self.x) + len(self.y)
        return Data(leaves[:a], leaves[a:b], leaves[b:], self._open)

    def close(self) -> None:
        """Nothing."""

    def source(
        self, batch_size: int, shuffle: Any, generator: Callable[..., np.random.Generator] | None, call: int
    ) -> ArraySource:
        """The batches; the order of an epoch is that of the `call`-th fit."""
        y = [leaf for leaf in self.y if leaf is not None]
        return ArraySource(
            self.x,
            y,
            self.weights,
            batch_size=batch_size,
            shuffle=shuffle,
            generator=generator,
            address=("shuffle", call),
        )

    def target_types(self) -> list[TensorType | None]:
        """Types of the targets; the batch is unknown, and what the output leaves open and has as many of."""
        return [self._type(leaf, axes) for leaf, axes in zip(self.y, self._open, strict=True)]

    def weight_types(self) -> list[TensorType | None]:
        """Types of the sample weights, likewise."""
        return [self._type(leaf, axes) for leaf, axes in zip(self.weights, self._open, strict=True)]

    def _type(self, leaf: NamedArray | None, axes: Mapping[int, int]) -> TensorType | None:
        if leaf is None:
            return None
        dtype = leaf.dtype or dtype_name(leaf.array.dtype)
        sizes = [
            _OPEN[axis] if size != 1 and axes.get(axis) == size else size for axis, size in enumerate(leaf.array.shape)
        ]
        return tensor_type((_OPEN[0], *sizes[1:]), dtype)


_OPEN = [dims.fresh("b" if axis == 0 else "t") for axis in range(16)]
"""A symbol for the batch of targets, and for each axis as long as the output's: the graph puts the output's there."""


def _open_axes(model: Any, inputs: list[NamedArray]) -> list[dict[int, int]]:
    """For each output, the axes that the model leaves open, but for the batch, and their sizes on these inputs."""
    env: dict[str, Any] = {}
    for tensor, leaf in zip(model.inputs, inputs, strict=True):
        for size, actual in zip(tensor.type.shape, leaf.array.shape, strict=True):
            dims.solve(size, dims.wrap(actual), env)
    found: list[dict[int, int]] = []
    for tensor in model.outputs:
        sizes = zip(tensor.type.shape, tensor.type.substitute(env).shape, strict=True)
        open_sizes = {axis: now for axis, (size, now) in enumerate(sizes) if axis and size is not now}
        found.append({axis: now for axis, now in open_sizes.items() if isinstance(now, int)})
    return found


def prepare(model: Any, x: Any, y: Any, sample_weight: Any, class_weight: Any, what: str) -> Data:
    """The data, checked.

    Raises:
        DataError: count, structure, shape, dtype or labels do not fit the model.
    """
    what = what if what.endswith(")") else f"{what}()"
    if x is None:
        raise DataError(f"{what} of model '{model.name}' was given no data", received="x=None", hint="pass x (and y).")
    if isinstance(x, FunctionType | MethodType):
        raise DataError(
            f"{what} of model '{model.name}' takes data, and was given a function",
            received=shown(x),
            hint=f"call it: `{x.__name__}()`.",
        )
    if is_loader(x):
        raise DataError(
            f"{what} of model '{model.name}' takes arrays here",
            received=shown(x),
            hint="a generator, a data set or a loader goes into fit, evaluate or predict; its batches are arrays.",
        )
    if not tree.is_nested(x) or any(hasattr(leaf, "shape") for leaf in tree.leaves(x)):
        model.prepare_for(tree.map_leaves(lambda leaf: as_array(NamedArray("x", leaf)), x))
    inputs: list[NamedArray] = []
    for leaf, tensor in zip(model.flatten_inputs(_lists_as_arrays(x, len(model.inputs))), model.inputs, strict=True):
        array = as_array(NamedArray(f"x ('{tensor.name}')" if len(model.inputs) > 1 else "x", leaf))
        _check_input(model, tensor, array, what)
        inputs.append(NamedArray(tensor.name, array, tensor.dtype))
    if y is None and what.startswith("predict"):
        return Data(inputs, [], [])
    targets, weights = flatten_targets(model, y, sample_weight, class_weight, what)
    rows = [(leaf.name, len(leaf.array)) for leaf in (*inputs, *targets, *weights) if leaf is not None]
    if len({count for _, count in rows}) > 1:
        raise DataError(
            f"{what} was given data of different lengths",
            received=", ".join(f"{name}: {count} rows" for name, count in rows),
            hint="the first axis of every array is the sample.",
        )
    return Data(inputs, targets, weights, _open_axes(model, inputs))


def flatten_targets(
    model: Any, y: Any, sample_weight: Any, class_weight: Any, what: str
) -> tuple[list[NamedArray | None], list[NamedArray | None]]:
    """Targets and weights, one for each output (None where an output has no loss and no metric)."""
    compiled = model._require_compiled(what.partition("(")[0])
    names, keys = compiled.names, compiled.keys
    given = _by_output(model, y, names, keys, "y", what)
    flat: list[NamedArray | None] = []
    for index, (name, item, needed) in enumerate(zip(names, given, compiled.wanted, strict=True)):
        label = "y" if len(names) == 1 else f"y ('{(keys or names)[index]}')"
        if not needed:
            flat.append(None)
            continue
        if item is None:
            raise DataError(
                f"{what} of model '{model.name}' needs targets for output '{name}'",
                received="y=None" if y is None else shown(y),
                hint="pass y, or compile without a loss for it.",
            )
        array = as_array(NamedArray(label, item))
        loss = compiled.losses[index]
        if loss is not None:
            loss.check_target(array, model.outputs[index], label)
        dtype = dtype_name(array.dtype)
        flat.append(NamedArray(label, array, dtype))
    weights = _weights(model, flat, sample_weight, class_weight, names, keys, what)
    return flat, weights


def _weights(
    model: Any, targets: list[Any], sample_weight: Any, class_weight: Any, names: list[str], keys: list[str], what: str
) -> list[NamedArray | None]:
    if class_weight is not None:
        if sample_weight is not None:
            raise DataError(
                f"{what} takes class_weight or sample_weight, not both",
                received=f"{class_weight=} and sample_weight of {shown(sample_weight)}",
                hint="multiply the weights of the samples by those of their classes.",
            )
        if len(names) > 1:
            raise DataError(
                "class_weight is for models with one output",
                received=f"{len(names)} outputs",
                hint="use sample_weight by output.",
            )
        if not isinstance(class_weight, Mapping):
            raise DataError(
                f"{what} takes class_weight as a dict",
                received=f"{class_weight=!r:.80}",
                hint="from class to weight: `{0: 1.0, 1: 5.0}`.",
            )
        return [NamedArray("class_weight", _class_weights(targets[0].array, class_weight), "float32")]
    if sample_weight is None:
        return [None] * len(names)
    if hasattr(sample_weight, "shape") and len(names) > 1:
        given: list[Any] = [sample_weight] * len(names)
    else:
        given = _by_output(model, sample_weight, names, keys, "sample_weight", what)
    return [_sample_weight(item, output) for item, output in zip(given, model.outputs, strict=True)]


def _sample_weight(item: Any, output: Any) -> NamedArray | None:
    if item is None:
        return None
    array = as_array(NamedArray("sample_weight", item))
    if array.ndim > len(output.shape):
        raise DataError(
            f"sample_weight has more axes than output '{output.name}' of shape {output.shape}",
            received=f"{array.dtype}{list(array.shape)}",
            hint="give one number for each sample, or for each step of it.",
        )
    return NamedArray("sample_weight", array, "float32")


def _class_weights(labels: np.ndarray, class_weight: Mapping[int, float]) -> np.ndarray:
    """Weight of each sample by its class; classes that the dict leaves out weigh 1."""
    if labels.ndim > 2:
        raise DataError(
            "class_weight is for targets of one class a sample",
            received=f"y: {labels.dtype}{list(labels.shape)}",
            hint="give `sample_weight` of shape (samples, steps) instead.",
        )
    unknown = [label for label in class_weight if isinstance(label, bool) or not isinstance(label, int | np.integer)]
    if unknown:
        raise DataError(
            "class_weight is a dict from class numbers to weights",
            received=f"the key {unknown[0]!r}",
            hint="write `class_weight={0: 1.0, 1: 5.0}`.",
        )
    if labels.ndim == 2:
        labels = labels.argmax(axis=-1) if labels.shape[-1] > 1 else labels[:, 0]
    flat = labels.astype(np.int64)
    weights = np.ones(flat.shape, np.float32)
    for label, weight in class_weight.items():
        weights[flat == label] = weight
    return weights


def _by_output(model: Any, given: Any, names: list[str], keys: list[str], label: str, what: str) -> list[Any]:
    if given is None:
        return [None] * len(names)
    if isinstance(given, Mapping):
        unknown = [key for key in given if key not in names and key not in keys]
        if unknown:
            raise DataError(
                f"{what} was given {label} for '{unknown[0]}', which is no output of model '{model.name}'",
                received=f"a dict of {', '.join(map(repr, given))}",
                hint=f"the outputs are {', '.join(keys or names)}.",
            )
        return [given.get(key, given.get(name)) for key, name in zip(keys or names, names, strict=True)]
    if len(names) == 1:
        if isinstance(given, list | tuple) and len(given) == 1 and hasattr(given[0], "shape"):
            return [given[0]]
        return [given]
    if isinstance(given, list | tuple) and len(given) == len(names):
        return list(given)
    raise DataError(
        f"{what} needs {label} for {len(names)} outputs of model '{model.name}' ({', '.join(keys or names)})",
        received=f"{type(given).__name__}"
        + (f" of {len(given)}" if isinstance(given, list | tuple) else f" {np.shape(given)}"),
        hint="pass a list in this order, or a dict by name.",
    )


def _lists_as_arrays(x: Any, count: int) -> Any:
    """A nested list of numbers as an array, for a model of one input."""
    if count == 1 and isinstance(x, list | tuple) and x and not any(hasattr(leaf, "shape") for leaf in x):
        return as_array(NamedArray("x", x))
    return x


def _check_input(model: Any, tensor: Any, array: np.ndarray, what: str) -> None:
    shape = tensor.shape
    fits = array.ndim == len(shape) and all(
        size is None or size == actual for size, actual in zip(shape[1:], array.shape[1:], strict=True)
    )
    if not fits:
        hint = "None stands for any size; the first axis is the sample."
        if array.ndim == len(shape) - 1 and array.shape == tuple(shape[1:]):
            hint = "add the batch axis: `x[None]`."
        elif None not in shape[1:] and int(np.prod(array.shape[1:])) == int(np.prod(shape[1:])):
            hint = f"reshape it: `x.reshape({(-1, *shape[1:])})`."
        raise DataError(
            f"{what} of model '{model.name}': input '{tensor.name}' has shape {shape}",
            received=f"{array.dtype}{list(array.shape)}",
            hint=hint,
        )
    if tensor.dtype.startswith(("int", "uint")) and array.dtype.kind == "f" and array.size:
        sample = array.reshape(-1)[:1000]
        if not np.isfinite(sample).all():
            return  # the source says so, of all rows
        if not np.array_equal(sample, np.floor(sample)):
            raise DataError(
                f"{what} of model '{model.name}': input '{tensor.name}' holds {tensor.dtype}",
                received=f"{array.dtype} with fractions",
                hint="give whole numbers, or an `Input(dtype='float32')`.",
            )
