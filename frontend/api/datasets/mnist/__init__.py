"""`kgc.datasets.mnist`: its `load_data`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "load_data",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.datasets.mnist import load_data as load_data
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.datasets.mnist": "load_data",
        },
    )
