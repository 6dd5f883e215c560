"""`kgc.activations`: activation functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "deserialize", "elu", "exponential", "gelu", "get", "hard_sigmoid", "hard_silu", "leaky_relu", "linear",
    "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "serialize", "sigmoid", "silu", "softmax",
    "softplus", "softsign", "tanh",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.activations import deserialize as deserialize
    from kgc.frontend.activations import elu as elu
    from kgc.frontend.activations import exponential as exponential
    from kgc.frontend.activations import gelu as gelu
    from kgc.frontend.activations import get as get
    from kgc.frontend.activations import hard_sigmoid as hard_sigmoid
    from kgc.frontend.activations import hard_silu as hard_silu
    from kgc.frontend.activations import leaky_relu as leaky_relu
    from kgc.frontend.activations import linear as linear
    from kgc.frontend.activations import log_sigmoid as log_sigmoid
    from kgc.frontend.activations import log_softmax as log_softmax
    from kgc.frontend.activations import mish as mish
    from kgc.frontend.activations import relu as relu
    from kgc.frontend.activations import relu6 as relu6
    from kgc.frontend.activations import selu as selu
    from kgc.frontend.activations import serialize as serialize
    from kgc.frontend.activations import sigmoid as sigmoid
    from kgc.frontend.activations import silu as silu
    from kgc.frontend.activations import softmax as softmax
    from kgc.frontend.activations import softplus as softplus
    from kgc.frontend.activations import softsign as softsign
    from kgc.frontend.activations import tanh as tanh
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.activations": (
                "deserialize elu exponential gelu get hard_sigmoid hard_silu leaky_relu linear log_sigmoid "
                "log_softmax mish relu relu6 selu serialize sigmoid silu softmax softplus softsign tanh"
            ),
        },
    )
