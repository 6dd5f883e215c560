"""Arrays of other libraries and Python's own, given to fit, evaluate, predict and the batch methods."""

from __future__ import annotations

import warnings

import jax.numpy as jnp
import numpy as np
import pytest

from .streaming import A, B, L, R, Tensor, W, X, Y, losses, net, several

FORMS = {
    "nested lists": np.ndarray.tolist,
    "jax arrays": jnp.asarray,
    "float64": lambda a: a.astype("f8"),
    "Fortran order": np.asfortranarray,
    "tensors": Tensor,
    "tensors with numpy() only": lambda a: Tensor(a, as_array=False),
    "memoryview": memoryview,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_array(form):
    make = FORMS[form]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = losses(make(X), make(Y), sample_weight=make(W), shuffle=False, batch_size=5)
    assert found == losses(X, Y, sample_weight=W, shuffle=False, batch_size=5)
    model = net()
    np.testing.assert_array_equal(model.predict(make(X), verbose=0), model.predict(X, verbose=0))
    assert model.evaluate(make(X), make(Y), verbose=0) == model.evaluate(X, Y, verbose=0)
    np.testing.assert_array_equal(model.predict_on_batch(make(X)), model.predict_on_batch(X))
    assert model.test_on_batch(make(X), make(Y)) == pytest.approx(model.evaluate(X, Y, verbose=0))


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "float16"])
def test_inputs_are_cast_without_a_warning(dtype):
    data = (X * 3).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert losses(data, Y, shuffle=False) == losses(data.astype("f4"), Y, shuffle=False)


def test_frames():
    """As pandas objects say that they are arrays: `to_numpy`, a shape, an index of their own."""

    class Frame:
        def __init__(self, array):
            self.array, self.shape = array, array.shape

        def to_numpy(self):
            return self.array

    assert losses(Frame(X), Frame(Y), shuffle=False) == losses(X, Y, shuffle=False)


def test_pandas():
    pandas = pytest.importorskip("pandas")
    rows = np.arange(100, 112)
    frame, column = pandas.DataFrame(X, columns=list("abc"), index=rows), pandas.Series(Y[:, 0], index=rows)
    wanted = losses(X, Y, sample_weight=W, shuffle=False, validation_split=0.25)
    found = losses(frame, column, sample_weight=pandas.Series(W, index=rows), shuffle=False, validation_split=0.25)
    assert found["loss"] == pytest.approx(wanted["loss"])
    assert found["val_loss"] == pytest.approx(wanted["val_loss"])
    assert losses({"x": frame}, frame[["a"]], shuffle=False) == losses(X, X[:, :1], shuffle=False)
    mixed = pandas.DataFrame({"a": [1, 0], "b": [True, False], "c": [0.5, 1.5]})
    np.testing.assert_allclose(net().predict(mixed, verbose=0)[:, 0], [2.5, 1.5])
    parts = [pandas.DataFrame(part) for part in (A, B, L, R)]
    found = several().fit(parts[:2], parts[2:], shuffle=False, verbose=0).history
    assert found == several().fit([A, B], [L, R], shuffle=False, verbose=0).history
    np.testing.assert_array_equal(net().predict(frame[::2], verbose=0), net().predict(X[::2], verbose=0))
