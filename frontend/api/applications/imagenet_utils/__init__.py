"""`kgc.applications.imagenet_utils`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "decode_predictions", "preprocess_input",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.applications.imagenet import decode_predictions as decode_predictions
    from kgc.frontend.applications.imagenet import preprocess_input as preprocess_input
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.applications.imagenet": "decode_predictions preprocess_input",
        },
    )
