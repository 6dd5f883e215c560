"""`kgc.mixed_precision`: dtype policies, under the names that older code has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "DTypePolicy", "LossScaleOptimizer", "Policy", "dtype_policy", "global_policy", "set_dtype_policy",
    "set_global_policy",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.dtype_policies import DTypePolicy as DTypePolicy
    from kgc.frontend.dtype_policies import DTypePolicy as Policy
    from kgc.frontend.dtype_policies import dtype_policy as dtype_policy
    from kgc.frontend.dtype_policies import dtype_policy as global_policy
    from kgc.frontend.dtype_policies import set_dtype_policy as set_dtype_policy
    from kgc.frontend.dtype_policies import set_dtype_policy as set_global_policy
    from kgc.frontend.loss_scale import LossScaleOptimizer as LossScaleOptimizer
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.dtype_policies": (
                "DTypePolicy Policy=DTypePolicy dtype_policy global_policy=dtype_policy set_dtype_policy "
                "set_global_policy=set_dtype_policy"
            ),
            "kgc.frontend.loss_scale": "LossScaleOptimizer",
        },
    )
