"""`kgc.datasets`: data to learn with, read from where Keras caches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "cifar10", "cifar100", "fashion_mnist", "mnist",
]  # fmt: skip

if TYPE_CHECKING:
    import kgc.datasets.cifar10 as cifar10
    import kgc.datasets.cifar100 as cifar100
    import kgc.datasets.fashion_mnist as fashion_mnist
    import kgc.datasets.mnist as mnist
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.datasets.cifar10": "=cifar10",
            "kgc.datasets.cifar100": "=cifar100",
            "kgc.datasets.fashion_mnist": "=fashion_mnist",
            "kgc.datasets.mnist": "=mnist",
        },
    )
