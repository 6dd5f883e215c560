"""fit, evaluate and predict on generators, data sets and loaders: the numbers of arrays; batches that do not fit."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import kgc
from kgc import layers, ops
from kgc.compiler.errors import DataError
from kgc.frontend.batch_reader import Reader

from .streaming import BATCHES, KINDS, WEIGHTED, A, B, Data, DataLoader, L, R, W, X, Y, losses, net, several


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_trains_as_arrays_do(kind):
    wanted = losses(X, Y, batch_size=4, epochs=3, shuffle=False)
    found = losses(KINDS[kind](), epochs=3, shuffle=False)
    assert found == wanted
    model = net()
    assert model.evaluate(KINDS[kind](), verbose=0) == model.evaluate(X, Y, batch_size=4, verbose=0)


@pytest.mark.parametrize("kind", [name for name in KINDS if name not in ("list", "dicts")])
def test_every_kind_predicts(kind):
    made = KINDS[kind]()
    model = net()
    given = iter(made) if isinstance(made, list) else made
    np.testing.assert_array_equal(model.predict(given, verbose=0), model.predict(X, batch_size=4, verbose=0))


def test_a_generator_trains_for_one_pass():
    assert losses(iter(BATCHES)) == losses(X, Y, batch_size=4, shuffle=False)


def test_sample_weights_are_the_third():
    assert losses(iter(WEIGHTED)) == losses(X, Y, batch_size=4, shuffle=False, sample_weight=W)
    model = net()
    assert model.evaluate(iter(WEIGHTED), verbose=0) == model.evaluate(X, Y, sample_weight=W, batch_size=4, verbose=0)


@pytest.mark.parametrize("data", [iter, Data, DataLoader])
def test_class_weight(data):
    labels = (Y > 0.5).astype("f4")
    batches = [(X[i : i + 4], labels[i : i + 4]) for i in (0, 4, 8)]
    weights = {0: 0.25, 1: 4.0}
    wanted = losses(X, labels, batch_size=4, shuffle=False, class_weight=weights)
    assert losses(data(batches), class_weight=weights, shuffle=False) == wanted != losses(data(batches), shuffle=False)


@pytest.mark.parametrize(
    "form",
    [
        lambda a, b, left, right: ([a, b], [left, right]),
        lambda a, b, left, right: ((a, b), (left, right)),
        lambda a, b, left, right: ({"b": b, "a": a}, {"right": right, "left": left}),
        lambda a, b, left, right: [[a, b], [left, right]],
    ],
    ids=["lists", "tuples", "dicts", "list of lists"],
)
def test_several_inputs_and_outputs(form):
    rows = [slice(i, i + 4) for i in (0, 4, 8)]
    wanted = several().fit([A, B], [L, R], batch_size=4, shuffle=False, verbose=0).history
    found = several().fit(iter([form(A[i], B[i], L[i], R[i]) for i in rows]), verbose=0).history
    assert found == wanted
    whole = several().predict([A, B], verbose=0)
    for one, other in zip(several().predict(([A[i], B[i]] for i in rows), verbose=0), whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_weights_of_several_outputs():
    wanted = several().fit([A, B], [L, R], sample_weight=[W, None], shuffle=False, verbose=0).history
    found = several().fit(iter([([A, B], [L, R], [W, None])]), verbose=0).history
    assert found == wanted


@pytest.mark.parametrize(
    "item", [X, (X,), [X], (X, Y), [X, Y], (X, Y, W), {"x": X}], ids=lambda item: type(item).__name__
)
def test_predict_takes_the_inputs(item):
    model = net()
    np.testing.assert_array_equal(model.predict(iter([item]), verbose=0), model.predict(X, verbose=0))


def test_a_model_that_is_built_by_its_first_batch():
    model = kgc.Sequential([layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    assert model.fit(iter(BATCHES), verbose=0).history["loss"] == losses(X, Y, batch_size=4, shuffle=False)["loss"]
    model = kgc.Sequential([layers.Dense(1, kernel_initializer="ones")])
    assert model.predict(DataLoader(BATCHES), verbose=0).shape == (12, 1)


# Batches that differ


def test_batches_of_other_sizes():
    parts = [(X[:5], Y[:5]), (X[5:6], Y[5:6]), (X[6:], Y[6:])]
    model = net()
    assert model.evaluate(iter(parts), verbose=0) == pytest.approx(model.evaluate(X, Y, batch_size=12, verbose=0))
    assert model.predict(iter(parts), verbose=0).shape == (12, 1)
    assert np.isfinite(model.fit(iter(parts), verbose=0).history["loss"][0])


def test_sequences_of_other_lengths():
    x = kgc.Input((None, 2))
    model = kgc.Model(x, layers.Dense(1)(x))
    model.compile("sgd", "mse")
    parts = [(np.ones((2, t, 2), "f4"), np.ones((2, t, 1), "f4")) for t in (3, 5, 3)]
    history = model.fit(DataLoader(parts), epochs=2, verbose=0).history
    assert len(history["loss"]) == 2
    assert model.evaluate(iter(parts), verbose=0) >= 0


@pytest.mark.parametrize(
    ("item", "what", "received"),
    [
        ((X, Y, W), "sample_weight differs from that of the first batch", "float32 of 1 axes, after nothing"),
        ((X, (Y > 0.5).astype("i8")), "y differs", "int32 of 2 axes, after float32 of 2 axes"),
        ((X, Y[:, 0]), "y differs", "float32 of 1 axes"),
        ((X[:, :2], Y), "input 'x' has shape (None, 3)", "float32[12, 2]"),
        ((X, Y[:5]), "data of different lengths", "x: 12 rows, y: 5 rows"),
        ((X,), "needs targets for output 'head'", "y=None"),
        ((X, Y, W, W), "takes batches as (x, y), (x, y, sample_weight) or x", "a tuple of 4"),
        ((), "takes batches as", "a tuple of 0"),
        ("text", "does not hold numbers", "str"),
        (None, "was given no data", "x=None"),
        ((X[:0], Y[:0]), "holds no rows", ""),
    ],
)
@pytest.mark.parametrize("first", [True, False], ids=["first", "third"])
def test_a_batch_unlike_the_first(item, what, received, first):
    if first and "differ" in what:
        return
    before = [] if first else [(X, Y)] * 2
    with pytest.raises(DataError) as caught:
        net().fit(iter([*before, item]), verbose=0)
    error = caught.value
    assert error.what.startswith(f"batch {len(before)} of the data (from 0): ") and what in error.what
    assert received in (error.received or "")
    assert error.where is not None and error.where.file == __file__


def test_labels_are_checked_in_every_batch():
    x = kgc.Input((3,))
    model = kgc.Model(x, layers.Dense(3, activation="softmax")(x))
    model.compile("sgd", "sparse_categorical_crossentropy")
    good, bad = np.zeros(12, "i4"), np.full(12, 7, "i4")
    with pytest.raises(DataError, match=r"batch 3 of the data.*holds the class 7"):
        model.fit(iter([(X, good), (X, good), (X, good), (X, bad)]), verbose=0)


def test_a_buffer_that_is_filled_again():
    def reused():
        x, y = np.empty((4, 3), "f4"), np.empty((4, 1), "f4")
        for one, other in BATCHES * 30:
            x[:], y[:] = one, other
            yield x, y

    assert losses(reused()) == losses(iter([(a.copy(), b.copy()) for a, b in BATCHES * 30]))


@pytest.mark.parametrize("dtype", ["float64", "int64", "uint8", "bool"])
def test_inputs_are_cast_without_a_warning(dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = losses(iter([(x.astype(dtype), y.astype("f8")) for x, y in BATCHES]))
    assert found == losses(iter([(x.astype(dtype).astype("f4"), y) for x, y in BATCHES]))


def test_pandas_in_batches():
    pandas = pytest.importorskip("pandas")
    frames = [(pandas.DataFrame(x, columns=list("abc")), pandas.Series(y[:, 0])) for x, y in BATCHES]
    assert losses(iter(frames))["loss"] == pytest.approx(losses(iter(BATCHES))["loss"])


def test_known_batches_are_read_the_short_way():
    """What the short way gives is what the long way gives."""
    model = net()
    for items in (BATCHES, WEIGHTED, [(x.astype("f8"), y) for x, y in BATCHES]):
        short, long = Reader(model, None, "fit()"), Reader(model, None, "fit()")
        long._remember = lambda *_: None
        for number, item in enumerate(items):
            a, b = short(item, number), long(item, number)
            for one, other in zip((*a.x, *a.y, *a.weights), (*b.x, *b.y, *b.weights), strict=True):
                same = one is other is None or ((one == other).all() and one.dtype == other.dtype)
                assert same
            assert (a.rows, len(a.weights)) == (b.rows, len(b.weights))
        assert short._known and not long._known


def test_a_model_without_targets():
    class Own(layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(), initializer="ones")

        def call(self, x):
            self.add_loss(ops.mean(ops.square(x * self.w)))
            return x

    x = kgc.Input((3,))
    model = kgc.Model(x, Own()(x))
    model.compile("sgd")
    assert model.fit((b for b, _ in BATCHES), verbose=0).history["loss"][0] > 0
