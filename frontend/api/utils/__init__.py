"""`kgc.utils`: helpers around models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.frontend.lazy import lazy

__all__ = [
    "Progbar", "set_random_seed", "to_categorical",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.progress import Progbar as Progbar
    from kgc.frontend.utils import set_random_seed as set_random_seed
    from kgc.frontend.utils import to_categorical as to_categorical
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.progress": "Progbar",
            "kgc.frontend.utils": "set_random_seed to_categorical",
        },
    )
