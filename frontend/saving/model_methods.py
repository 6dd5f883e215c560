"""What `Model` can do with files: its config, `save`, `save_weights`, `load_weights`, `to_json`."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from .. import layer_config
from . import config as configs, export, model_file, registry
from .model_config import functional_config, sequential_config
from .model_replay import functional_from_config, sequential_from_config


class Saving:
    """The part of `Model` that writes and reads."""

    def get_config(self) -> dict[str, Any]:
        """The model as JSON values: layers and calls, or a subclass's arguments."""
        if _takes(type(self), "inputs", "outputs") and hasattr(self, "_subgraph"):
            return functional_config(self)
        if _takes(type(self), "layers") and hasattr(self, "_layers"):
            return sequential_config(self)
        overridden = type(self).get_config is not Saving.get_config
        return layer_config.base_config(self) if overridden else layer_config.get_config(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The model of a config, with new weights.

        Raises:
            FileFormatError: it describes none.
        """
        with registry.custom_object_scope(custom_objects or {}):
            if "input_layers" in config and (_takes(cls, "inputs", "outputs") or not _own_init(cls)):
                return functional_from_config(cls, config)
            if "layers" in config and _takes(cls, "layers"):
                return sequential_from_config(cls, config)
            return layer_config.from_config(cls, dict(config))

    def get_build_config(self) -> dict[str, Any] | None:
        """What `build` was given, as files hold it."""
        if hasattr(self, "_subgraph"):
            return {"input_shape": None}
        functional = self.__dict__.get("_functional")
        return configs.build_config(self) if functional is None else {"input_shape": functional.input_shape}

    def get_compile_config(self) -> dict[str, Any]:
        """What `compile` was told, as files hold it; empty for a model that is not compiled.

        Raises:
            ArgumentError: it cannot be written (an optax transformation, a lambda).
        """
        return model_file.compile_config(self)

    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True, zipped: bool | None = None) -> None:
        """Write architecture, weights and compilation to a `.keras` file (see `saving.save_model`).

        Raises:
            ArgumentError: the name does not end in `.keras`, or the file exists and `overwrite` is False.
        """
        model_file.save_model(self, filepath, overwrite, zipped)

    def export(
        self,
        filepath: str | os.PathLike[str],
        format: str = "kgc",
        verbose: bool | None = None,
        input_signature: Any = None,
        platforms: Sequence[str] | None = None,
        training: bool = False,
        batch_size: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Write what `model(x)` computes to a `.kgc` file, which `kgc.load` reads without the model's code.

        Args:
            filepath: ends in `.kgc`; an old file is replaced when the new one is complete.
            format: "kgc", or "stablehlo": one module (`.mlirbc`, or `.mlir` as text), with the weights in it, for
                runtimes that take that.  Keras's other formats are not written.
            verbose: whether to say where the file is.
            input_signature: not taken: the inputs are the model's own, for any batch size.
            platforms: for which StableHLO is put beside kgc's own IR, for those who have no kgc ("cpu", "cuda" and
                "tpu" unless told); `()` for none.  A module of StableHLO is for one, "cpu" unless told.
            training: whether the file can be trained further where it is loaded: with the loss, metrics and optimizer
                that `compile` was told, as they are now, on targets as the losses imply them, without sample weights.
            batch_size: rows of every input of a module of StableHLO; None leaves them open, which not every runtime
                can take.

        Raises:
            ArgumentError: another name or format; with `training`, an optax transformation as the optimizer.
            GraphError: the model is not built yet, or calls Python on the host; with `training`, it is not compiled.
        """
        export.export_model(self, filepath, format, verbose, input_signature, platforms, training, batch_size, **kwargs)

    def save_weights(
        self, filepath: str | os.PathLike[str], overwrite: bool = True, max_shard_size: float | None = None
    ) -> None:
        """Write the weights, and the optimizer's state, to a `.weights.h5` file.

        Raises:
            ArgumentError: the name ends otherwise, or the file exists and `overwrite` is False.
        """
        model_file.save_weights(self, filepath, overwrite, max_shard_size)

    def load_weights(self, filepath: str | os.PathLike[str], skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Read the weights of a `.weights.h5`, `.keras` or older `.h5` file; nothing changes unless all of them fit.

        `by_name=True` is for files of the older format: layers of the same name then correspond.

        Raises:
            FileFormatError: the file is none, or of another model.
        """
        model_file.load_weights(self, filepath, skip_mismatch, **kwargs)

    def to_json(self, **kwargs: Any) -> str:
        """The model's config as JSON text, for `models.model_from_json`; `kwargs` go to `json.dumps`."""
        return json.dumps(model_file.model_object(self)[0], **kwargs)


def _takes(cls: type, *names: str) -> bool:
    """Whether a class's constructor has these arguments."""
    return set(names) <= set(inspect.signature(cls.__init__).parameters)


def _own_init(cls: type) -> bool:
    """Whether a class's constructor is one of the caller's own."""
    return cls.__init__.__module__.partition(".")[0] != __name__.partition(".")[0]
