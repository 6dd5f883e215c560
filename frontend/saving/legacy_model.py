"""Whole models in the older `.h5` format: their configs turned into the form of today, and then read as that is.

Root attributes `model_config` and `training_config` hold JSON; the weights are told in `legacy_h5.py`. Of Keras 3 the
configs differ from a `.keras` file's in that classes come without a module. Those of Keras 2 write calls as lists,
`[[["dense", 0, 0, {}]]]`, the class of functional models as `Model`, and an Input's `batch_input_shape`. A class means
what the closed tables say, as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...compiler.errors import FileFormatError
from .archive import parse_json
from .h5 import H5Reader
from .model_config import TENSOR
from .op_names import BY_CLASS

_NESTED = ("Functional", "Model", "Sequential")
Json = dict[str, Any]


def model_config(reader: H5Reader) -> Json:
    """The config of the model in a legacy file, with its compilation, as a `.keras` file has it.

    Raises FileFormatError where there is none, or it is malformed.
    """
    texts = reader.texts("")
    config = _object(texts.get("model_config"), f"the model_config of {reader.what}")
    if config is None:
        raise FileFormatError(
            f"{reader.what} holds weights, and no model",
            hint="make the model, and read them by `model.load_weights(…)`.",
        )
    told = _object(texts.get("training_config"), f"the training_config of {reader.what}")
    try:
        found = _modern(config)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise FileFormatError(f"The model_config of {reader.what} is malformed: {error!r}") from error
    except RecursionError as error:
        raise FileFormatError("The config is nested beyond any model") from error
    if told is not None:
        found["compile_config"] = {
            "optimizer": told.get("optimizer_config"),
            **{key: value for key, value in told.items() if key not in ("optimizer_config", "sample_weight_mode")},
        }
    return found


def _object(text: Any, what: str) -> Json | None:
    if not isinstance(text, str):
        return None
    value = parse_json(text, what)
    if value is not None and not isinstance(value, dict):
        raise FileFormatError(f"{what} is not a JSON object", received=f"{value!r:.80}")
    return value


def _modern(entry: Json) -> Json:
    """A layer or model with its calls, in the form of today."""
    entry = dict(entry)
    name, told = entry["class_name"], entry["config"]
    if name == "Model":
        entry["class_name"] = "Functional"
    # A Sequential of the first Keras 2 is a list.
    config: Json = {"layers": told} if isinstance(told, list) else dict(told)
    entry["config"] = config
    if not entry.get("module") and set(config) <= {"name"}:
        # A function between layers has nothing but a name here; a layer has its dtype at least.
        modules = [module for module, class_name in BY_CLASS if class_name == name]
        if len(modules) == 1:
            entry["module"] = modules[0]
    if "batch_input_shape" in config and name == "InputLayer":
        config["batch_shape"] = config.pop("batch_input_shape")
    elif (shape := config.pop("batch_input_shape", None)) is not None:
        config["input_shape"] = shape[1:]
    if isinstance(config.get("layer"), Mapping):  # a wrapper's
        config["layer"] = _modern(config["layer"])
    if isinstance(config.get("layers"), list):
        layers = [_modern(layer) for layer in config["layers"]]
        kinds = {layer.get("name", layer["config"].get("name")): layer["class_name"] for layer in layers}
        old = any(isinstance(node, list) for layer in layers for node in layer.get("inbound_nodes", []))
        for layer in layers:
            nodes = layer.get("inbound_nodes", [])
            layer["inbound_nodes"] = [_call(node, kinds) if isinstance(node, list) else node for node in nodes]
        config["layers"] = layers
        for key in ("input_layers", "output_layers") if old else ():
            config[key] = _ends(config[key], kinds)
    return entry


def _call(node: list[Any], kinds: Mapping[Any, str]) -> Json:
    """A call of Keras 2: a list of tensors, each `[layer, call, result, keyword arguments]`."""
    tensors = [_tensor(item, kinds) for item in node]
    arguments = node[0][3] if node and len(node[0]) > 3 else {}
    kwargs = {key: _value(value, kinds) for key, value in arguments.items()}
    return {"args": [tensors[0] if len(tensors) == 1 else tensors], "kwargs": kwargs}


def _ends(ends: Any, kinds: Mapping[Any, str]) -> Any:
    """Inputs or outputs of Keras 2: one is listed as are several; a Sequential's own calls count from 1."""
    if isinstance(ends, list) and ends and isinstance(ends[0], list):
        ends = [[name, node - (kinds.get(name) == "Sequential"), index] for name, node, index in ends]
        return ends[0] if len(ends) == 1 else ends
    return ends


def _tensor(triple: list[Any], kinds: Mapping[Any, str]) -> Json:
    name, node, index = triple[:3]
    # There, a model's own calls count from 1.
    node = max(node - 1, 0) if kinds.get(name) in _NESTED else node
    return {"class_name": TENSOR, "config": {"keras_history": [name, node, index]}}


def _value(value: Any, kinds: Mapping[Any, str]) -> Any:
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and value[0] in kinds:
        return _tensor(value, kinds)
    return value
