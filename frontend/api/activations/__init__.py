"""`kgc.activations`: activation functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.frontend.lazy import lazy

__all__ = [
    "linear", "relu", "sigmoid", "softmax", "tanh",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.activations import linear as linear
    from kgc.frontend.activations import relu as relu
    from kgc.frontend.activations import sigmoid as sigmoid
    from kgc.frontend.activations import softmax as softmax
    from kgc.frontend.activations import tanh as tanh
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.activations": "linear relu sigmoid softmax tanh",
        },
    )
