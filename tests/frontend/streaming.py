"""A model, and its data as every kind of loader gives them: look-alikes of the classes of other libraries."""

from __future__ import annotations

import functools

import jax.numpy as jnp
import numpy as np

import kgc
from kgc import layers

RNG = np.random.default_rng(0)
X = RNG.random((12, 3)).astype("f4")
Y = RNG.random((12, 1)).astype("f4")
W = RNG.random(12).astype("f4")
BATCHES = [(X[i : i + 4], Y[i : i + 4]) for i in (0, 4, 8)]
WEIGHTED = [(X[i : i + 4], Y[i : i + 4], W[i : i + 4]) for i in (0, 4, 8)]


@functools.cache
def compiled():
    x = kgc.Input((3,), name="x")
    model = kgc.Model(x, layers.Dense(1, name="head")(x), name="net")
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def net():
    """One model, with its first weights."""
    model = compiled()
    model.set_weights([np.ones((3, 1)), np.zeros(1)])
    return model


def losses(*args, **kwargs):
    return net().fit(*args, verbose=0, **kwargs).history


class Tensor:
    """A tensor of another library: `__array__`, or nothing but `numpy()`."""

    def __init__(self, array, as_array=True):
        self.array = array
        if as_array:
            self.__class__ = _ArrayTensor

    def numpy(self):
        return self.array


class _ArrayTensor(Tensor):
    def __array__(self, dtype=None, copy=None):
        return self.array


class DataLoader:
    """A torch DataLoader: lists of tensors, `__len__`, read anew each epoch."""

    def __init__(self, batches, sized=True):
        self.batches, self.sized = batches, sized

    def __iter__(self):
        return ([Tensor(leaf) for leaf in batch] for batch in self.batches)

    def __len__(self):
        if not self.sized:
            raise TypeError("object of type 'Stream' has no len()")
        return len(self.batches)


class TFDataset:
    """A tf.data.Dataset."""

    element_spec = None

    def __init__(self, batches, cardinality=None):
        self.batches = batches
        self.count = len(batches) if cardinality is None else cardinality

    def cardinality(self):
        return Tensor(np.int64(self.count), as_array=False)

    def as_numpy_iterator(self):
        return iter(self.batches)

    def __iter__(self):
        return (tuple(Tensor(leaf) for leaf in batch) for batch in self.batches)

    def __len__(self):
        if self.count < 0:
            raise TypeError("The dataset is infinite.")
        return self.count


class Data(kgc.utils.PyDataset):
    def __init__(self, batches=BATCHES, **options):
        super().__init__(**options)
        self.batches, self.read, self.told = batches, [], []

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        self.read.append(index)
        return self.batches[index]

    def on_epoch_begin(self):
        self.told.append(("begin", len(self.read)))

    def on_epoch_end(self):
        self.told.append(("end", len(self.read)))


class BareSequence:
    """What was enough for Keras 2."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return BATCHES[index]


KINDS = {
    "DataLoader": lambda: DataLoader(BATCHES),
    "DataLoader without length": lambda: DataLoader(BATCHES, sized=False),
    "tf.data": lambda: TFDataset(BATCHES),
    "tf.data of unknown length": lambda: TFDataset(BATCHES, -2),
    "PyDataset": Data,
    "PyDataset with workers": lambda: Data(workers=2),
    "sequence": BareSequence,
    "list": lambda: list(BATCHES),
    "tensors with numpy() only": lambda: [tuple(Tensor(leaf, as_array=False) for leaf in b) for b in BATCHES],
    "jax arrays": lambda: [tuple(jnp.asarray(leaf) for leaf in b) for b in BATCHES],
    "nested lists": lambda: [(x.tolist(), y.tolist()) for x, y in BATCHES],
    "dicts": lambda: [({"x": x}, {"head": y}) for x, y in BATCHES],
    "lists inside": lambda: [([x], [y]) for x, y in BATCHES],
    "float64": lambda: [(x.astype("f8"), y.astype("f8")) for x, y in BATCHES],
}


@functools.cache
def two():
    first, second = kgc.Input((2,), name="a"), kgc.Input((1,), name="b")
    both = layers.Concatenate()([first, second])
    left, right = layers.Dense(1, name="left")(both), layers.Dense(2, name="right")(both)
    model = kgc.Model([first, second], [left, right], name="two")
    model.compile("sgd", "mse")
    return model


def several():
    model = two()
    model.set_weights([np.ones_like(weight) for weight in model.get_weights()])
    return model


A, B, L, R = X[:, :2], X[:, 2:], Y, X[:, :2]


def endless(read=None):
    while True:
        for number, item in enumerate(BATCHES):
            if read is not None:
                read.append(number)
            yield item
