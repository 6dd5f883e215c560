"""The guide's data sets, made of what packages carry: scikit-learn's digits in the shapes of MNIST and CIFAR-10."""

from __future__ import annotations

import numpy as np
import pytest

Split = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def digits() -> Split:
    """Digits of 8 x 8 in the shape of MNIST: uint8 of 28 x 28, each pixel three wide, with a margin of two."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    large = np.kron(bunch.images * (255 / 16), np.ones((1, 3, 3)))
    images = np.pad(large, ((0, 0), (2, 2), (2, 2))).astype("uint8")
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], bunch.target[order].astype("uint8")
    return (images[:1500], labels[:1500]), (images[1500:], labels[1500:])


def coloured() -> Split:
    """The same in the shape of CIFAR-10: uint8 of 32 x 32 x 3, labels of shape (rows, 1)."""

    def colour(images: np.ndarray) -> np.ndarray:
        return np.repeat(np.pad(images, ((0, 0), (2, 2), (2, 2)))[..., None], 3, axis=-1)

    (x_train, y_train), (x_test, y_test) = digits()
    return (colour(x_train), y_train[:, None]), (colour(x_test), y_test[:, None])


@pytest.fixture
def data_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """`keras.datasets.mnist` and `cifar10` give these."""
    import kgc

    monkeypatch.setattr(kgc.datasets.mnist, "load_data", digits)
    monkeypatch.setattr(kgc.datasets.cifar10, "load_data", coloured)
