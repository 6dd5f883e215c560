"""`kgc.saving`: files, and the registry of a user's own classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.frontend.lazy import lazy

__all__ = [
    "load_model", "register_keras_serializable", "save_model",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.saving.keras_file import load_model as load_model
    from kgc.frontend.saving.keras_file import save_model as save_model
    from kgc.frontend.saving.registry import register_keras_serializable as register_keras_serializable
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.saving.keras_file": "load_model save_model",
            "kgc.frontend.saving.registry": "register_keras_serializable",
        },
    )
