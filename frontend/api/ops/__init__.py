"""`kgc.ops`: operations on tensors, symbolic or concrete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.frontend.lazy import lazy

__all__ = [
    "matmul",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.ops import matmul as matmul
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.ops": "matmul",
        },
    )
