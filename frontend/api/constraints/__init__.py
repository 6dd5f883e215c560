"""`kgc.constraints`: what weights are held to after each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "deserialize", "get", "max_norm", "min_max_norm",
    "non_neg", "serialize", "unit_norm",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.constraints import Constraint as Constraint
    from kgc.frontend.constraints import MaxNorm as MaxNorm
    from kgc.frontend.constraints import MaxNorm as max_norm
    from kgc.frontend.constraints import MinMaxNorm as MinMaxNorm
    from kgc.frontend.constraints import MinMaxNorm as min_max_norm
    from kgc.frontend.constraints import NonNeg as NonNeg
    from kgc.frontend.constraints import NonNeg as non_neg
    from kgc.frontend.constraints import UnitNorm as UnitNorm
    from kgc.frontend.constraints import UnitNorm as unit_norm
    from kgc.frontend.constraints import deserialize as deserialize
    from kgc.frontend.constraints import get as get
    from kgc.frontend.constraints import serialize as serialize
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.constraints": (
                "Constraint MaxNorm max_norm=MaxNorm MinMaxNorm min_max_norm=MinMaxNorm NonNeg non_neg=NonNeg "
                "UnitNorm unit_norm=UnitNorm deserialize get serialize"
            ),
        },
    )
