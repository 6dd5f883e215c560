"""`kgc.utils`: helpers around models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.frontend.lazy import lazy

__all__ = [
    "Progbar", "clear_session", "custom_object_scope", "deserialize_keras_object", "get_custom_objects",
    "get_registered_name", "get_registered_object", "is_keras_tensor", "register_keras_serializable",
    "serialize_keras_object", "set_random_seed", "to_categorical",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.progress import Progbar as Progbar
    from kgc.frontend.saving.config import deserialize_keras_object as deserialize_keras_object
    from kgc.frontend.saving.config import serialize_keras_object as serialize_keras_object
    from kgc.frontend.saving.registry import custom_object_scope as custom_object_scope
    from kgc.frontend.saving.registry import get_custom_objects as get_custom_objects
    from kgc.frontend.saving.registry import get_registered_name as get_registered_name
    from kgc.frontend.saving.registry import get_registered_object as get_registered_object
    from kgc.frontend.saving.registry import register_keras_serializable as register_keras_serializable
    from kgc.frontend.utils import clear_session as clear_session
    from kgc.frontend.utils import is_keras_tensor as is_keras_tensor
    from kgc.frontend.utils import set_random_seed as set_random_seed
    from kgc.frontend.utils import to_categorical as to_categorical
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.progress": "Progbar",
            "kgc.frontend.saving.config": "deserialize_keras_object serialize_keras_object",
            "kgc.frontend.saving.registry": (
                "custom_object_scope get_custom_objects get_registered_name get_registered_object "
                "register_keras_serializable"
            ),
            "kgc.frontend.utils": "clear_session is_keras_tensor set_random_seed to_categorical",
        },
    )
