"""`kgc.utils`: helpers around models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "Progbar", "PyDataset", "Sequence", "clear_session", "custom_object_scope", "deserialize_keras_object",
    "get_custom_objects", "get_file", "get_registered_name", "get_registered_object", "get_source_inputs",
    "is_keras_tensor", "model_to_dot", "pad_sequences", "plot_model", "register_keras_serializable",
    "serialize_keras_object", "set_random_seed", "to_categorical",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.cache import get_file as get_file
    from kgc.frontend.progress import Progbar as Progbar
    from kgc.frontend.py_dataset import PyDataset as PyDataset
    from kgc.frontend.py_dataset import Sequence as Sequence
    from kgc.frontend.saving.config import deserialize_keras_object as deserialize_keras_object
    from kgc.frontend.saving.config import serialize_keras_object as serialize_keras_object
    from kgc.frontend.saving.registry import custom_object_scope as custom_object_scope
    from kgc.frontend.saving.registry import get_custom_objects as get_custom_objects
    from kgc.frontend.saving.registry import get_registered_name as get_registered_name
    from kgc.frontend.saving.registry import get_registered_object as get_registered_object
    from kgc.frontend.saving.registry import register_keras_serializable as register_keras_serializable
    from kgc.frontend.show.plot import model_to_dot as model_to_dot
    from kgc.frontend.show.plot import plot_model as plot_model
    from kgc.frontend.utils import clear_session as clear_session
    from kgc.frontend.utils import get_source_inputs as get_source_inputs
    from kgc.frontend.utils import is_keras_tensor as is_keras_tensor
    from kgc.frontend.utils import pad_sequences as pad_sequences
    from kgc.frontend.utils import set_random_seed as set_random_seed
    from kgc.frontend.utils import to_categorical as to_categorical
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.cache": "get_file",
            "kgc.frontend.progress": "Progbar",
            "kgc.frontend.py_dataset": "PyDataset Sequence",
            "kgc.frontend.saving.config": "deserialize_keras_object serialize_keras_object",
            "kgc.frontend.saving.registry": (
                "custom_object_scope get_custom_objects get_registered_name get_registered_object "
                "register_keras_serializable"
            ),
            "kgc.frontend.show.plot": "model_to_dot plot_model",
            "kgc.frontend.utils": (
                "clear_session get_source_inputs is_keras_tensor pad_sequences set_random_seed to_categorical"
            ),
        },
    )
