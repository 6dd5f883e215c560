"""`kgc.optimizers`: the optimizers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "Adagrad", "Adam", "AdamW", "LossScaleOptimizer", "Optimizer", "RMSprop", "SGD", "deserialize", "get", "schedules",
    "serialize",
]  # fmt: skip

if TYPE_CHECKING:
    import kgc.optimizers.schedules as schedules
    from kgc.frontend.loss_scale import LossScaleOptimizer as LossScaleOptimizer
    from kgc.frontend.optimizers import SGD as SGD
    from kgc.frontend.optimizers import Adagrad as Adagrad
    from kgc.frontend.optimizers import Adam as Adam
    from kgc.frontend.optimizers import AdamW as AdamW
    from kgc.frontend.optimizers import Optimizer as Optimizer
    from kgc.frontend.optimizers import RMSprop as RMSprop
    from kgc.frontend.optimizers import deserialize as deserialize
    from kgc.frontend.optimizers import get as get
    from kgc.frontend.optimizers import serialize as serialize
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.optimizers.schedules": "=schedules",
            "kgc.frontend.loss_scale": "LossScaleOptimizer",
            "kgc.frontend.optimizers": "SGD Adagrad Adam AdamW Optimizer RMSprop deserialize get serialize",
        },
    )
