"""`kgc.datasets.cifar100`: small colour pictures in 100 classes, which form 20 groups (Krizhevsky, 2009)."""

from __future__ import annotations

import numpy as np

from ...compiler.errors import ArgumentError
from ..cache import Source
from .cifar import Batches, Split, images, labels, load

BATCHES = Batches(
    Source(
        "cifar-100-python-target_archive",
        "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
        "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    ),
    "cifar-100-python",
    {"train": "16019d7e3df5f24257cddd939b257f8d", "test": "f0ef6b0ae62326f3e7ffdfab6717acfc"},
)


def load_data(label_mode: str = "fine") -> tuple[Split, Split]:
    """50,000 pictures to train on and 10,000 to test on: `(x_train, y_train), (x_test, y_test)`.

    Args:
        label_mode: "fine" for 100 classes, "coarse" for 20 groups of them.

    Returns:
        Pictures uint8 (samples, 32, 32, 3) from 0 to 255, and labels int64 (samples, 1).

    Raises:
        ArgumentError: another `label_mode`.
        DataError: the files are neither there nor to be had, or are others.
    """
    if label_mode not in ("fine", "coarse"):
        raise ArgumentError(
            "cifar100.load_data() takes label_mode as 'fine' or 'coarse'",
            received=f"{label_mode=}",
            hint="'fine' are 100 classes, 'coarse' 20.",
        )
    parts = []
    for name, batch in load(BATCHES).items():
        x = np.ascontiguousarray(images(batch, name))
        parts.append((x, labels(batch, f"{label_mode}_labels", len(x), name)))
    return parts[0], parts[1]
