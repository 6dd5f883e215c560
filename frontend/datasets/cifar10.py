"""`kgc.datasets.cifar10`: small colour pictures in 10 classes (Krizhevsky, 2009)."""

from __future__ import annotations

import numpy as np

from ..cache import Source
from .cifar import Batches, Split, images, labels, load

BATCHES = Batches(
    Source(
        "cifar-10-batches-py-target_archive",
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    ),
    "cifar-10-batches-py",
    {
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
    },
)


def load_data() -> tuple[Split, Split]:
    """50,000 pictures to train on and 10,000 to test on: `(x_train, y_train), (x_test, y_test)`.

    Returns:
        Pictures uint8 (samples, 32, 32, 3) from 0 to 255, and labels uint8 (samples, 1) from 0 to 9: airplane,
        automobile, bird, cat, deer, dog, frog, horse, ship, truck.

    Raises:
        DataError: the files are neither there nor to be had, or are others.
    """
    parts = {}
    for name, batch in load(BATCHES).items():
        x = images(batch, name)
        parts[name] = x, labels(batch, "labels", len(x), name).astype(np.uint8)
    test = parts.pop("test_batch")
    x_train, y_train = (np.concatenate(arrays) for arrays in zip(*parts.values(), strict=True))
    return (x_train, y_train), (np.ascontiguousarray(test[0]), test[1])
