"""`kgc.config`: settings of the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "dtype_policy", "floatx", "set_dtype_policy", "set_floatx",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.dtype_policies import dtype_policy as dtype_policy
    from kgc.frontend.dtype_policies import floatx as floatx
    from kgc.frontend.dtype_policies import set_dtype_policy as set_dtype_policy
    from kgc.frontend.dtype_policies import set_floatx as set_floatx
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.dtype_policies": "dtype_policy floatx set_dtype_policy set_floatx",
        },
    )
