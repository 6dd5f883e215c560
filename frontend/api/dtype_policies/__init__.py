"""`kgc.dtype_policies`: in which dtypes a layer computes and keeps its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "DTypePolicy", "get",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.dtype_policies import DTypePolicy as DTypePolicy
    from kgc.frontend.dtype_policies import get as get
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.dtype_policies": "DTypePolicy get",
        },
    )
