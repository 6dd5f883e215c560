"""Outputs whose sizes the model leaves open, on data that have some: losses, metrics and masks agree on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kgc
from kgc import layers

RNG = np.random.default_rng(0)


def tagger(metrics: Any) -> Any:
    words = kgc.Input((None,), dtype="int32")
    hidden = layers.GRU(4, return_sequences=True)(layers.Embedding(10, 4, mask_zero=True)(words))
    model = kgc.Model(words, layers.Dense(3, activation="softmax")(hidden))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=metrics)
    return model


def test_masked_metrics_of_sequences_of_any_length() -> None:
    model = tagger(["accuracy"])
    x, y = np.array([[1, 2, 3, 0], [4, 5, 0, 0]]), np.array([[1, 2, 0, 0], [1, 2, 0, 0]])
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    probabilities, counted = model.predict(x, verbose=0), x != 0
    right = (probabilities.argmax(-1) == y)[counted]
    np.testing.assert_allclose(logs["accuracy"], right.mean(), rtol=1e-6)
    chosen = np.take_along_axis(probabilities, y[..., None], -1)[..., 0]
    np.testing.assert_allclose(logs["loss"], -np.log(chosen[counted]).mean(), rtol=1e-5)
    model.fit(x, y, verbose=0)
    model.fit(x[:, :3], y[:, :3], sample_weight=np.ones((2, 3)), verbose=0)  # another length, weighted by step
    assert len(model.train_graph().inputs) >= 2


def test_batches_of_other_lengths_need_no_other_graph() -> None:
    model = tagger(["accuracy"])
    model.fit(((np.full((2, t), 2), np.ones((2, t), int)) for t in (4, 6, 5)), verbose=0)
    assert len([key for key in model._steps if key[0] == "train"]) == 1


@pytest.mark.parametrize("shape", [(2, 4, 4), (2, 4, 4, 1)])
def test_two_open_axes(shape: tuple[int, ...]) -> None:
    image = kgc.Input((None, None, 3))
    model = kgc.Model(image, layers.Conv2D(2, 3, padding="same", activation="softmax")(image))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = RNG.random((2, 4, 4, 3), dtype=np.float32), np.ones(shape, int)
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    np.testing.assert_allclose(logs["loss"], -np.log(model.predict(x, verbose=0)[..., 1]).mean(), rtol=1e-5)
    model.fit(x, y, verbose=0)


def test_sizes_that_follow_from_open_ones() -> None:
    image = kgc.Input((None, None, 3))
    conv = layers.Conv2D(2, 3, padding="same", strides=2, activation="softmax")
    model = kgc.Model(image, conv(image))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = RNG.random((2, 5, 7, 3), dtype=np.float32)
    model.fit(x, np.ones((2, 3, 4), int), verbose=0)


@pytest.mark.parametrize("metric", ["AUC", "Precision", "Recall", "mae"])
def test_metrics_over_an_open_axis(metric: str) -> None:
    found = []
    x = RNG.random((2, 4, 3), dtype=np.float32)
    y = (x[..., :1] > 0.5).astype(np.float32)
    for size in (None, 4):
        steps = kgc.Input((size, 3))
        conv = layers.Conv1D(1, 3, padding="same", activation="sigmoid", kernel_initializer="ones")
        model = kgc.Model(steps, conv(steps))
        model.compile("sgd", "binary_crossentropy", metrics=[metric])
        found.append(model.evaluate(x, y, verbose=0))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)


def test_a_mean_by_weights_over_an_open_masked_axis() -> None:
    steps = kgc.Input((None, 3))
    model = kgc.Model(steps, layers.Dense(1, activation="sigmoid")(layers.Masking()(steps)))
    model.compile("sgd", kgc.losses.BinaryCrossentropy(reduction="mean_with_sample_weight"))
    x = RNG.random((2, 4, 3), dtype=np.float32)
    x[:, 2:] = 0
    loss = model.evaluate(x, np.ones((2, 4, 1)), verbose=0)
    np.testing.assert_allclose(loss, -np.log(model.predict(x[:, :2], verbose=0)).mean(), rtol=1e-5)


def test_targets_of_another_length_than_the_output_stay_their_own() -> None:
    """A loss of one's own may compare labels with an output that has more steps."""

    def first_and_last(y_true: Any, y_pred: Any) -> Any:
        ends = kgc.ops.stack([y_pred[:, 0, 0], y_pred[:, -1, 0]], axis=1)
        return kgc.ops.mean(kgc.ops.abs(y_true - ends), axis=-1)

    steps = kgc.Input((None, 3))
    model = kgc.Model(steps, layers.Dense(1)(steps))
    model.compile("sgd", first_and_last)
    model.fit(np.ones((2, 5, 3), np.float32), np.ones((2, 2), np.float32), verbose=0)
