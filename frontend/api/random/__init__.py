"""`kgc.random`: random numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.frontend.lazy import lazy

__all__ = [
    "SeedGenerator",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.random import SeedGenerator as SeedGenerator
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.random": "SeedGenerator",
        },
    )
