"""`kgc.regularizers`: penalties on weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "deserialize", "get", "l1", "l1_l2", "l2",
    "orthogonal_regularizer", "serialize",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.regularizers import L1 as L1
    from kgc.frontend.regularizers import L1 as l1
    from kgc.frontend.regularizers import L1L2 as L1L2
    from kgc.frontend.regularizers import L1L2 as l1_l2
    from kgc.frontend.regularizers import L2 as L2
    from kgc.frontend.regularizers import L2 as l2
    from kgc.frontend.regularizers import OrthogonalRegularizer as OrthogonalRegularizer
    from kgc.frontend.regularizers import OrthogonalRegularizer as orthogonal_regularizer
    from kgc.frontend.regularizers import Regularizer as Regularizer
    from kgc.frontend.regularizers import deserialize as deserialize
    from kgc.frontend.regularizers import get as get
    from kgc.frontend.regularizers import serialize as serialize
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.regularizers": (
                "L1 l1=L1 L1L2 l1_l2=L1L2 L2 l2=L2 OrthogonalRegularizer orthogonal_regularizer=OrthogonalRegularizer "
                "Regularizer deserialize get serialize"
            ),
        },
    )
