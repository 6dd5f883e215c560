"""Where each weight of a model stands in a weights file, and writing and reading them.

Groups and arrays, as real Keras 3.15.1 writes them:

    vars                                  the model's own variables; attribute `name` is the model's name
    layers/dense/vars/0, 1, …             of a layer: trainable ones first, then the others, each as created
    layers/dense_1/vars                   the second Dense: the class in snake case, counted within the container
    layers/functional/layers/dense/vars   a model within the model
    layers/my_block/inner/vars            a layer in the attribute `inner` of a layer
    layers/my_block/blocks/dense/vars     layers in a list, tuple or dict: counted like those of a model
    layers/my_block/blocks/container_1    a list or dict within it
    optimizer/vars/0, 1, …                iteration, learning rate (unless a schedule), slots; `name` is the optimizer's
    optimizer/inner_optimizer/vars        once more those of the optimizer in a LossScaleOptimizer

Attributes are visited by name, public ones first; a functional or sequential model's `layers` before all others; a
property of the caller's own counts as an attribute. A layer stands at the first path by which it is met, and nowhere
else. Layers without weights have a group too, and are counted. Metrics and seed generators are not stored.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from ...compiler.errors import FileFormatError
from ..layer import Layer
from .h5 import H5Reader, write_h5
from .registry import snake_case

OPTIMIZER, _INNER_OPTIMIZER = "optimizer/vars", "optimizer/inner_optimizer/vars"
# Attributes of kgc's own that hold layers which stand elsewhere.
_INTERNAL = frozenset(["_init_arguments", "_functional", "_layers", "_compile_arguments", "inbound_nodes"])
_OURS = __name__.partition(".")[0]

Placed = list[tuple[str, Any]]


def places(model: Layer) -> Placed:
    """(path, layer) for the model and every layer in it, in the order of visiting; the model's own path is empty."""
    found: Placed = []
    _place("", model, found, set())
    return found


def _place(path: str, layer: Any, found: Placed, seen: set[int]) -> None:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    found.append((path, layer))
    for attribute, value in _attributes(layer):
        inner = f"{path}/{attribute}" if path else attribute
        if isinstance(value, Layer):
            _place(inner, value, found, seen)
        elif isinstance(value, list | tuple | Mapping):
            _place_container(inner, value, found, seen)


def _place_container(path: str, container: Any, found: Placed, seen: set[int]) -> None:
    counts: dict[str, int] = {}
    for item in container.values() if isinstance(container, Mapping) else container:
        if isinstance(item, Layer):
            name = _counted(snake_case(type(item).__name__), counts)
            _place(f"{path}/{name}", item, found, seen)
        elif isinstance(item, list | tuple | Mapping):
            _place_container(f"{path}/{_counted('container', counts)}", item, found, seen)


def _counted(name: str, counts: dict[str, int]) -> str:
    count = counts.get(name, 0)
    counts[name] = count + 1
    return f"{name}_{count}" if count else name


def _attributes(layer: Any) -> Iterator[tuple[str, Any]]:
    """Attributes in the order of visiting; of kgc's own only `layers` of models."""
    is_model = hasattr(type(layer), "layers")
    ordered = hasattr(layer, "_subgraph") or hasattr(layer, "_layers")
    names = {name for name in vars(layer) if name not in _INTERNAL}
    for cls in type(layer).__mro__:
        if cls.__module__.partition(".")[0] != _OURS:
            names.update(name for name, value in vars(cls).items() if isinstance(value, property))
    if is_model:
        names.add("layers")
    key = lambda name: (name.startswith("_"), not (ordered and name == "layers"), name)  # noqa: E731
    for name in sorted(names, key=key):
        try:
            value = getattr(layer, name)
        except Exception:  # a property of the caller's own that does not apply now
            continue
        yield name, value


def own_variables(layer: Any) -> list[Any]:
    """A layer's own variables in the order of files."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


# Writing


def write_weights(file: BinaryIO, model: Any, optimizer: Any = None) -> None:
    """Write the weights of a model, and the state of its optimizer."""
    groups: dict[str, dict[str, Any]] = {}
    arrays: dict[str, np.ndarray] = {}
    for path, layer in places(model):
        group = f"{path}/vars" if path else "vars"
        groups[group] = {"name": layer.name}
        for key, value in _stored(layer).items():
            arrays[f"{group}/{key}"] = value
    if optimizer is not None:
        inner = getattr(optimizer, "inner_optimizer", None)  # stored twice, as Keras reads it
        for group, owner in ((OPTIMIZER, optimizer), (_INNER_OPTIMIZER, inner)):
            if owner is not None:
                groups[group] = {"name": owner.name}
                arrays.update({f"{group}/{index}": variable.numpy() for index, variable in enumerate(owner.variables)})
    write_h5(file, groups, arrays)


def _stored(layer: Any) -> dict[str, np.ndarray]:
    save = getattr(layer, "save_own_variables", None)
    if save is not None:
        store: dict[str, Any] = {}
        save(store)
        return {str(key): np.asarray(value) for key, value in store.items()}
    return {str(index): variable.numpy() for index, variable in enumerate(own_variables(layer))}


# Reading


def read_weights(reader: H5Reader, model: Any, *, skip_mismatch: bool = False, strict: bool = True) -> None:
    """Give a model the weights of a file; nothing changes unless all of them fit.

    With `skip_mismatch`, layers whose weights do not fit keep theirs, and a warning names them; with `strict`, arrays
    in the file that belong to no layer of the model are an error too.

    Raises FileFormatError for weights that are missing, too many, or of another shape or kind.
    """
    pending: list[tuple[Any, np.ndarray]] = []
    custom: list[tuple[Any, dict[str, np.ndarray]]] = []
    used: set[str] = set()
    skipped: list[str] = []
    for path, layer in places(model):
        group = f"{path}/vars" if path else "vars"
        used.update(f"{group}/{key}" for key in reader.children(group))
        try:
            if hasattr(layer, "load_own_variables"):
                stored = {key: reader.read(f"{group}/{key}", d.shape) for key, d in reader.children(group).items()}
                custom.append((layer, stored))
            else:
                pending += _matching(reader, group, layer.name, own_variables(layer), model.name)
        except FileFormatError as error:
            if not skip_mismatch:
                raise
            skipped.append(f"'{layer.name}' ({error.what})")
    left = [path for path in reader.datasets if path not in used and not path.startswith("optimizer/")]
    if left and strict and not skip_mismatch:
        raise FileFormatError(
            f"{reader.what} holds weights for which '{model.name}' has no layer",
            received=", ".join(left[:4]) + (", …" if len(left) > 4 else ""),
            hint="it was saved from another model; load_weights(…, skip_mismatch=True) takes what fits",
        )
    for variable, value in pending:
        variable.assign(value)
    for layer, stored in custom:
        layer.load_own_variables(stored)
    if skipped:
        warnings.warn(f"Weights that do not fit were left as they are: {'; '.join(skipped)}", stacklevel=3)


def read_optimizer(reader: H5Reader, optimizer: Any, trained: list[Any]) -> None:
    """Give an optimizer the state of a file; nothing changes unless all of it fits.

    A file of a model that was compiled and not trained holds the count and the learning rate alone.
    """
    stored = reader.children(OPTIMIZER)
    if not stored:
        return
    if len(stored) > len(optimizer.variables):
        optimizer.build(trained)
    variables = optimizer.variables[: len(stored)] if len(stored) <= 2 else optimizer.variables
    for variable, value in _matching(reader, OPTIMIZER, optimizer.name, variables, "the optimizer"):
        variable.assign(value)


def _matching(
    reader: H5Reader, group: str, name: str, variables: list[Any], owner: str
) -> list[tuple[Any, np.ndarray]]:
    stored = reader.children(group)
    if set(stored) != {str(index) for index in range(len(variables))}:
        raise FileFormatError(
            f"'{name}' of '{owner}' has {len(variables)} variables, {reader.what} holds {len(stored)} for it",
            received=f"{group}: {', '.join(f'{key} {list(d.shape)}' for key, d in stored.items()) or 'nothing'}",
            hint=f"it has {', '.join(f'{v.name} {list(v.shape)}' for v in variables) or 'none'}",
        )
    pairs = []
    for index, variable in enumerate(variables):
        dataset = stored[str(index)]
        if _is_float(dataset.dtype) != _is_float(variable.dtype):
            raise FileFormatError(
                f"variable '{variable.path}' is of {variable.dtype}, and {reader.what} holds {dataset.dtype} for it"
            )
        pairs.append((variable, reader.read(f"{group}/{index}", tuple(variable.shape))))
    return pairs


def _is_float(dtype: str) -> bool:
    return "float" in dtype
