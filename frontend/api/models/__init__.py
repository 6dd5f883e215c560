"""`kgc.models`: models, and reading them from files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.functional import Model as Model
    from kgc.frontend.saving.keras_file import clone_model as clone_model
    from kgc.frontend.saving.keras_file import load_model as load_model
    from kgc.frontend.saving.keras_file import model_from_json as model_from_json
    from kgc.frontend.saving.model_file import save_model as save_model
    from kgc.frontend.sequential import Sequential as Sequential
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.functional": "Model",
            "kgc.frontend.saving.keras_file": "clone_model load_model model_from_json",
            "kgc.frontend.saving.model_file": "save_model",
            "kgc.frontend.sequential": "Sequential",
        },
    )
