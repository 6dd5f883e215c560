"""`kgc.saving`: files, and the registry of a user's own classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "custom_object_scope", "deserialize_keras_object", "get_custom_objects", "get_registered_name",
    "get_registered_object", "load_model", "load_weights", "register_keras_serializable", "save_model", "save_weights",
    "serialize_keras_object",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.saving.config import deserialize_keras_object as deserialize_keras_object
    from kgc.frontend.saving.config import serialize_keras_object as serialize_keras_object
    from kgc.frontend.saving.keras_file import load_model as load_model
    from kgc.frontend.saving.model_file import load_weights as load_weights
    from kgc.frontend.saving.model_file import save_model as save_model
    from kgc.frontend.saving.model_file import save_weights as save_weights
    from kgc.frontend.saving.registry import custom_object_scope as custom_object_scope
    from kgc.frontend.saving.registry import get_custom_objects as get_custom_objects
    from kgc.frontend.saving.registry import get_registered_name as get_registered_name
    from kgc.frontend.saving.registry import get_registered_object as get_registered_object
    from kgc.frontend.saving.registry import register_keras_serializable as register_keras_serializable
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.saving.config": "deserialize_keras_object serialize_keras_object",
            "kgc.frontend.saving.keras_file": "load_model",
            "kgc.frontend.saving.model_file": "load_weights save_model save_weights",
            "kgc.frontend.saving.registry": (
                "custom_object_scope get_custom_objects get_registered_name get_registered_object "
                "register_keras_serializable"
            ),
        },
    )
