"""Saving a model: `.keras` files and `.weights.h5` files, each written at once or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
import warnings
from typing import Any

from ...compiler.errors import ArgumentError
from ...runtime.files import atomic_write
from . import config as configs
from .archive import open_archive, write_archive
from .h5 import open_h5
from .legacy_h5 import is_legacy, read_legacy_weights
from .shared_ids import mark_shared
from .weights import read_optimizer, read_weights, write_weights

KERAS_VERSION = "3.15.1"
"""The version of Keras whose format is written."""


def save_model(
    model: Any, filepath: str | os.PathLike[str], overwrite: bool = True, zipped: bool | None = None
) -> None:
    """Write architecture, weights, and what `compile` was told, with the optimizer's state, to a `.keras` file.

    The old file at `filepath`, if any, is replaced when the new one is complete. A compilation that no file can hold
    (an optax transformation, a lambda as a loss) is left out, with a warning.

    Raises ArgumentError for another file name, for `zipped=False`, or if the file exists and `overwrite` is False;
    OSError if it cannot be written.
    """
    path = _checked(filepath, ".keras", overwrite, "model.save()")
    if zipped is False:
        raise ArgumentError("model.save() writes a zip file, and no folder", received="zipped=False")
    config, optimizer = model_object(model)
    metadata = {"keras_version": KERAS_VERSION, "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S")}
    # HDF5 writes here and there in its file, a zip only at its end. A nameless file of the same folder stands between.
    with tempfile.TemporaryFile(dir=os.path.dirname(os.path.realpath(path))) as weights:
        write_weights(weights, model, optimizer)  # pyright: ignore[reportArgumentType]
        weights.seek(0)
        write_archive(path, metadata, config, weights)


def model_object(model: Any) -> tuple[dict[str, Any], Any]:
    """The model as a serialized object with its compilation, and the optimizer whose state goes with it (or None)."""
    with configs.sharing():
        config = dict(mark_shared(configs.serialize_keras_object(model)))
    try:
        config["compile_config"] = compile_config(model)
    except ArgumentError as error:
        warnings.warn(f"'{model.name}' is saved as though it were not compiled: {error.what}", stacklevel=4)
        return config, None
    return config, getattr(model, "optimizer", None)


def compile_config(model: Any) -> dict[str, Any]:
    """What `compile` was told, as files hold it; empty for a model that is not compiled.

    Raises ArgumentError for what cannot be written.
    """
    if not getattr(model, "compiled", False):
        return {}
    told = dict(model._compile_arguments)
    # Keras resolves "auto" when it compiles; on JAX it means True.
    told["jit_compile"] = True if told.get("jit_compile") == "auto" else told.get("jit_compile")
    return configs.serialize_keras_object({**told, "optimizer": model.optimizer})


def save_weights(
    model: Any, filepath: str | os.PathLike[str], overwrite: bool = True, max_shard_size: float | None = None
) -> None:
    """Write the weights, and the optimizer's state if the model is compiled, to a `.weights.h5` file.

    Raises ArgumentError for another file name, for `max_shard_size`, or if the file exists and `overwrite` is False.
    """
    path = _checked(filepath, ".weights.h5", overwrite, "save_weights()")
    if max_shard_size is not None:
        raise ArgumentError("save_weights() writes one file", received=f"max_shard_size={max_shard_size!r}")
    with atomic_write(path) as file:
        write_weights(file, model, getattr(model, "optimizer", None))


def load_weights(
    model: Any,
    filepath: str | os.PathLike[str],
    skip_mismatch: bool = False,
    by_name: bool = False,
    **kwargs: Any,
) -> None:
    """Read the weights of a file into a model of the same layers; nothing changes unless all fit.

    The file is a `.weights.h5` or a `.keras` file, or one of the older `.h5` format, whatever it is called; with
    `by_name`, which is for those of the older format, layers of the same name correspond. Of the newer ones the
    optimizer's state is read too if the model is compiled; a state of another optimizer is left, with a warning. With
    `skip_mismatch`, layers whose weights do not fit are left as they are, with a warning.

    Raises FileFormatError for a file that is none, or of another model; OSError if it cannot be read.
    """
    if kwargs:
        raise ArgumentError(
            f"load_weights() does not have the argument '{next(iter(kwargs))}'",
            received=", ".join(f"{key}={value!r:.40}" for key, value in kwargs.items()),
            hint="it is load_weights(filepath, skip_mismatch=False, by_name=False).",
        )
    path = os.fspath(filepath)
    if not str(path).endswith((".h5", ".hdf5", ".keras")):
        raise ArgumentError(
            "load_weights() reads files that end in `.weights.h5`, `.h5` or `.keras`", received=f"filepath={path!r}"
        )
    with contextlib.ExitStack() as stack:
        source: Any = path
        if path.endswith(".keras"):
            source = stack.enter_context(open_archive(path)).weights
        reader = stack.enter_context(open_h5(source, path))
        if is_legacy(reader):
            read_legacy_weights(reader, model, by_name=by_name, skip_mismatch=skip_mismatch)
            return
        if by_name:
            raise ArgumentError(
                "load_weights() takes by_name with files of the older `.h5` format",
                received=f"by_name=True, filepath={path!r}",
                hint="the newer ones hold weights by their place in the model; `skip_mismatch=True` takes what fits.",
            )
        read_weights(reader, model, skip_mismatch=skip_mismatch)
        optimizer = getattr(model, "optimizer", None)
        if optimizer is not None:
            try:
                read_optimizer(reader, optimizer, model.trainable_weights)
            except (ArgumentError, ValueError) as error:
                warnings.warn(f"The optimizer keeps its own state: {getattr(error, 'what', error)}", stacklevel=3)


def _checked(filepath: str | os.PathLike[str], ending: str, overwrite: bool, function: str) -> str:
    path = os.fspath(filepath)
    if not isinstance(path, str) or not path.endswith(ending):
        raise ArgumentError(
            f"{function} writes files whose name ends in `{ending}`",
            received=f"filepath={path!r}",
            hint="kgc reads the older `.h5` format, and writes `.keras` alone" if str(path).endswith(".h5") else None,
        )
    if not overwrite and os.path.exists(path):
        raise ArgumentError(f"{path} exists", received="overwrite=False", hint="choose another name, or overwrite it")
    return path
