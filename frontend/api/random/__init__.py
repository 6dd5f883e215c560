"""`kgc.random`: random tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "SeedGenerator", "beta", "binomial", "categorical", "dropout", "gamma", "normal", "randint", "shuffle",
    "truncated_normal", "uniform",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.sampling import SeedGenerator as SeedGenerator
    from kgc.frontend.sampling import beta as beta
    from kgc.frontend.sampling import binomial as binomial
    from kgc.frontend.sampling import categorical as categorical
    from kgc.frontend.sampling import dropout as dropout
    from kgc.frontend.sampling import gamma as gamma
    from kgc.frontend.sampling import normal as normal
    from kgc.frontend.sampling import randint as randint
    from kgc.frontend.sampling import shuffle as shuffle
    from kgc.frontend.sampling import truncated_normal as truncated_normal
    from kgc.frontend.sampling import uniform as uniform
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.sampling": (
                "SeedGenerator beta binomial categorical dropout gamma normal randint shuffle truncated_normal uniform"
            ),
        },
    )
