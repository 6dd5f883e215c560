"""Weights in the older `.h5` format, in which most published weights are: by layer names, not by paths.

    (root, or `model_weights`)       attribute `layer_names`: the layers, in the order of `model.layers`
    <layer>                          attribute `weight_names`: its weights, trained ones first
    <layer>/<weight name>            an array; the name may have slashes, and then stands in groups
    top_level_model_weights          the weights of the model itself
    optimizer_weights                attribute `weight_names`; beside `model_weights`, in files of whole models

An attribute past 64 kB is split: `layer_names0`, `layer_names1`, …. A model within the model counts as one layer, with
the weights of all its layers.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from ...compiler.errors import FileFormatError
from .h5 import H5Reader
from .hdf5 import DataSet

_TOP = "top_level_model_weights"
Pairs = list[tuple[Any, str]]
"""Variables, and the paths of their values."""


def is_legacy(reader: H5Reader) -> bool:
    """Whether a file is of this format."""
    return weights_group(reader) is not None


def weights_group(reader: H5Reader) -> str | None:
    """The group of the layers: "", or `model_weights` in a file of a whole model; None where there is none."""
    for group in ("", "model_weights"):
        if _names(reader, group, "layer_names") is not None:
            return group
    return None


def read_legacy_weights(reader: H5Reader, model: Any, *, by_name: bool = False, skip_mismatch: bool = False) -> None:
    """Give a model the weights of a legacy file; nothing changes unless all of them fit.

    Layers that have weights correspond by their order, or, with `by_name`, by their names; layers that the file or the
    model has alone are passed over then. With `skip_mismatch`, layers whose weights do not fit keep theirs, and a
    warning names them.

    Raises FileFormatError for weights that are missing, too many, or of another shape or kind.
    """
    group = weights_group(reader)
    if group is None:
        raise FileFormatError(f"{reader.what} holds no list of layers, so it is no file of Keras's older format")
    stored = {name: _paths(reader, _join(group, name)) for name in _names(reader, group, "layer_names") or []}
    pairs: Pairs = []
    skipped: list[str] = []
    for layer, name in _matched(reader, model, stored, by_name):
        try:
            pairs += _fitting(reader, layer.name, _weights(layer), stored[name])
        except FileFormatError as error:
            if not skip_mismatch:
                raise
            skipped.append(f"'{layer.name}' ({error.what})")
    top = _paths(reader, _join(group, _TOP))
    own = [*model._trainable_variables, *model._non_trainable_variables]
    if top or (own and not by_name):
        pairs += _fitting(reader, model.name, own, top)
    # What is packed may turn out to be broken as it is unpacked: before anything changes.
    unpacked = {path: reader.read(path, tuple(v.shape)) for v, path in pairs if reader.datasets[path].filters}
    for variable, path in pairs:
        variable.assign(unpacked[path] if path in unpacked else reader.read(path, tuple(variable.shape)))
    if skipped:
        warnings.warn(f"Weights that do not fit were left as they are: {'; '.join(skipped)}", stacklevel=4)


def read_legacy_optimizer(reader: H5Reader, optimizer: Any, trained: list[Any]) -> None:
    """Give an optimizer the state of a legacy file of a whole model, if it holds one.

    Raises FileFormatError if it is the state of another.
    """
    paths = _paths(reader, "optimizer_weights")
    if not paths:
        return
    if len(paths) > len(optimizer.variables):
        optimizer.build(trained)
    variables = optimizer.variables[: len(paths)] if len(paths) <= 2 else optimizer.variables
    for variable, path in _fitting(reader, optimizer.name, variables, paths):
        variable.assign(reader.read(path, tuple(variable.shape)))


def _matched(reader: H5Reader, model: Any, stored: dict[str, list[str]], by_name: bool) -> Iterator[tuple[Any, str]]:
    """Layers of the model, and the names under which the file has them."""
    if by_name:
        yield from ((layer, layer.name) for layer in model.layers if stored.get(layer.name))
        return
    layers = [layer for layer in model.layers if _weights(layer)]
    names = [name for name, paths in stored.items() if paths]
    if len(layers) != len(names):
        raise FileFormatError(
            f"'{model.name}' has {len(layers)} layers with weights, {reader.what} holds {len(names)}",
            received=_listed(names),
            hint=f"it has {_listed([layer.name for layer in layers])}; load_weights(…, by_name=True) takes the layers "
            "that both have.",
        )
    yield from zip(layers, names, strict=True)


def _fitting(reader: H5Reader, name: str, variables: list[Any], paths: list[str]) -> Pairs:
    if len(variables) != len(paths):
        raise FileFormatError(
            f"'{name}' has {len(variables)} weights, {reader.what} holds {len(paths)} for it",
            received=_listed([f"{path} {list(reader.datasets[path].shape)}" for path in paths]),
            hint=f"it has {_listed([f'{v.name} {list(v.shape)}' for v in variables])}",
        )
    for variable, path in zip(variables, paths, strict=True):
        dataset: DataSet = reader.datasets[path]
        if dataset.shape != tuple(variable.shape) or ("float" in dataset.dtype) != ("float" in variable.dtype):
            raise FileFormatError(
                f"the weight '{variable.path}' does not fit what {reader.what} holds for it",
                received=f"{path}: {dataset.dtype}{list(dataset.shape)} in the file, "
                f"{variable.dtype}{list(variable.shape)} in the model",
            )
    return list(zip(variables, paths, strict=True))


def _weights(layer: Any) -> list[Any]:
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _paths(reader: H5Reader, group: str) -> list[str]:
    """Paths of a layer's arrays, in their order."""
    paths = [_join(group, name) for name in _names(reader, group, "weight_names") or []]
    for path in paths:
        if path not in reader.datasets:
            raise FileFormatError(f"{reader.what} lists the array {path!r}, and does not hold it")
    return paths


def _names(reader: H5Reader, group: str, attribute: str) -> list[str] | None:
    """A list of names in an attribute, or in its parts; None where there is none."""
    texts = reader.texts(group)
    found = texts.get(attribute)
    if found is None and f"{attribute}0" in texts:
        found = []
        while isinstance(part := texts.get(f"{attribute}{len(found)}"), list):
            found.append(part)
        found = [name for part in found for name in part]
    return found if isinstance(found, list) else None


def _join(group: str, name: str) -> str:
    # A name of an array may begin or end with slashes, which HDF5 passes over.
    return "/".join(part for part in (*group.split("/"), *name.split("/")) if part)


def _listed(items: list[str]) -> str:
    return ", ".join(items[:6]) + (", …" if len(items) > 6 else "") if items else "none"
