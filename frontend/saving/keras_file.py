"""Models from files and texts: `load_model`, `model_from_json`.

Loading is parsing: names are looked up in the closed tables, which `catalogue` fills; calls are traced for their
types; weights are read into the shapes that the model declares. Of code, only the caller's own classes and functions
run, and only those that the caller registered or passed.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...compiler.errors import FileFormatError, KgcError
from .. import functional
from . import catalogue as catalogue, config as configs, registry
from .archive import open_archive, parse_json
from .cloning import clone_model as clone_model
from .h5 import H5Reader, open_h5
from .hdf5 import SIGNATURE
from .legacy_h5 import read_legacy_optimizer, read_legacy_weights
from .legacy_model import model_config
from .model_file import save_model as save_model
from .placeholders import expecting
from .shared_ids import mark_shared
from .weights import read_optimizer, read_weights

Custom = Mapping[str, Any]
_COMPILE_SLOTS = {"loss": ("loss",), "metrics": ("metric", "loss"), "weighted_metrics": ("metric", "loss")}


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Custom | None = None,
    compile: bool = True,
    safe_mode: bool | None = True,
) -> Any:
    """The model in a `.keras` file that kgc or real Keras 3 wrote, with weights, compilation and optimizer state.

    Files of the older `.h5` format are read too.

    Args:
        filepath: the file.
        custom_objects: classes and functions of your own by name, where they are not registered.
        compile: whether to compile the model as it was when saved; without, the optimizer's state is left in the file.
        safe_mode: accepted for Keras's sake. No value of it makes kgc run code from a file.

    How a model was to be executed (`run_eagerly`, `steps_per_execution`, `jit_compile`) is not taken over: it changes
    no result, and kgc compiles always.

    Raises FileFormatError for a file that is malformed, hostile, or names what is in no table; OSError if it cannot be
    read.
    """
    if _is_hdf5(filepath):
        with registry.custom_object_scope(custom_objects or {}), open_h5(filepath) as reader:
            return _load_legacy(reader, compile)
    with registry.custom_object_scope(custom_objects or {}), open_archive(filepath) as archive:
        what = f"the weights of {os.fspath(filepath)}"
        with open_h5(archive.weights, what) as reader:
            return _load(archive.config, reader, compile)


def model_from_json(json_string: str, custom_objects: Custom | None = None) -> Any:
    """The model that `model.to_json()` describes, with new weights, compiled if it was.

    Raises FileFormatError for text that describes none.
    """
    config = parse_json(json_string, "The text")
    if not isinstance(config, dict):
        raise FileFormatError("The text describes no model", received=f"{config!r:.80}")
    with registry.custom_object_scope(custom_objects or {}):
        model = _model(config)
        if config.get("compile_config"):
            _compile(model, config["compile_config"])
        return model


def _load(config: Mapping[str, Any], reader: H5Reader, compile: bool) -> Any:
    held = sum(d.nbytes for path, d in reader.datasets.items() if not path.startswith("optimizer/"))
    with expecting(held):
        model = _model(config)
    read_weights(reader, model)
    told = config.get("compile_config")
    if compile and told:
        _compile(model, told)
        read_optimizer(reader, model.optimizer, model.trainable_weights)
    return model


def _is_hdf5(path: str | os.PathLike[str]) -> bool:
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(len(SIGNATURE)) == SIGNATURE


def _load_legacy(reader: H5Reader, compile: bool) -> Any:
    config = model_config(reader)
    held = sum(d.nbytes for path, d in reader.datasets.items() if not path.startswith("optimizer_weights/"))
    with expecting(held):
        model = _model(config)
    read_legacy_weights(reader, model)
    if compile and config.get("compile_config"):
        _compile(model, config["compile_config"])
        try:
            read_legacy_optimizer(reader, model.optimizer, model.trainable_weights)
        except FileFormatError as error:
            warnings.warn(f"The optimizer starts anew: {error.what}", stacklevel=3)
    return model


def _model(config: Mapping[str, Any]) -> Any:
    if not isinstance(config.get("class_name"), str):
        raise FileFormatError("The config describes no model: it has no class name", received=f"{list(config)!r:.80}")
    try:
        with configs.sharing():
            marked = mark_shared(config)
            model = configs.deserialize(marked, configs.LAYER, "the model")
    except RecursionError as error:
        raise FileFormatError("The config is nested beyond any model") from error
    if not isinstance(model, functional.Model):
        raise FileFormatError("The file describes no model", received=f"{config['class_name']!r}")
    _build(model, config.get("build_config"))
    return model


def _build(model: Any, told: Any) -> None:
    """Build a model of the caller's own class for the shapes that it was built for."""
    shapes = told.get("input_shape") if isinstance(told, Mapping) else None
    if shapes is None or model.has_graph:
        return
    try:
        model.prepare_for(_described(shapes))
    except FileFormatError:
        raise
    except Exception as error:
        reason = error.what if isinstance(error, KgcError) else f"{type(error).__name__}: {error}"
        raise FileFormatError(
            f"Model '{model.name}' cannot be built for the shapes in the file: {reason}", received=f"{shapes!r:.80}"
        ) from error


def _described(shapes: Any) -> Any:
    """Shapes as what `prepare_for` takes: nested as they are, with a shape and a dtype at each place."""
    if isinstance(shapes, Mapping):
        return {key: _described(item) for key, item in shapes.items()}
    if isinstance(shapes, list) and all(size is None or isinstance(size, int) for size in shapes):
        return _Described(tuple(shapes))
    if isinstance(shapes, list):
        return [_described(item) for item in shapes]
    raise FileFormatError("The build_config of the file holds what is no shape", received=f"{shapes!r:.80}")


@dataclass(frozen=True)
class _Described:
    shape: tuple[int | None, ...]
    dtype: str = "float32"


def _compile(model: Any, told: Any) -> None:
    """Compile as `compile_config` says."""
    if not isinstance(told, Mapping):
        raise FileFormatError("The compile_config of the file is no object", received=f"{told!r:.80}")
    known = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")
    execution = ("run_eagerly", "steps_per_execution", "jit_compile", "auto_scale_loss")
    if unknown := [key for key in told if key not in known + execution]:
        raise FileFormatError(f"The compile_config of the file has entries that Keras has not: {unknown[:4]}")
    arguments = {key: told.get(key) for key in known}
    arguments["optimizer"] = configs.deserialize(told.get("optimizer"), ("optimizer",), "the optimizer")
    arguments |= {key: told[key] for key in execution if isinstance(told.get(key), bool | int | str)}
    if arguments.get("run_eagerly"):
        arguments.pop("jit_compile", None)
    for key, kinds in _COMPILE_SLOTS.items():
        arguments[key] = configs.deserialize(told.get(key), kinds, f"{key} of compile")
    try:
        model.compile(**arguments)
    except KgcError as error:
        raise FileFormatError(
            f"The file's compile_config does not fit its model: {error.what}", received=error.received
        ) from error
