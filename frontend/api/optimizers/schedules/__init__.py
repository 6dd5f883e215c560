"""`kgc.optimizers.schedules`: learning rates that change with the step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay", "LearningRateSchedule",
    "PiecewiseConstantDecay", "PolynomialDecay", "deserialize", "serialize",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.schedules import CosineDecay as CosineDecay
    from kgc.frontend.schedules import CosineDecayRestarts as CosineDecayRestarts
    from kgc.frontend.schedules import ExponentialDecay as ExponentialDecay
    from kgc.frontend.schedules import InverseTimeDecay as InverseTimeDecay
    from kgc.frontend.schedules import LearningRateSchedule as LearningRateSchedule
    from kgc.frontend.schedules import PiecewiseConstantDecay as PiecewiseConstantDecay
    from kgc.frontend.schedules import PolynomialDecay as PolynomialDecay
    from kgc.frontend.schedules import deserialize as deserialize
    from kgc.frontend.schedules import serialize as serialize
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.schedules": (
                "CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay LearningRateSchedule "
                "PiecewiseConstantDecay PolynomialDecay deserialize serialize"
            ),
        },
    )
