"""`kgc.applications.vgg19`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "VGG19", "decode_predictions", "preprocess_input",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.applications.imagenet import decode_predictions as decode_predictions
    from kgc.frontend.applications.vgg import VGG19 as VGG19
    from kgc.frontend.applications.vgg import preprocess_input as preprocess_input
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.applications.imagenet": "decode_predictions",
            "kgc.frontend.applications.vgg": "VGG19 preprocess_input",
        },
    )
