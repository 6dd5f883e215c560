"""Masks travel from layer to layer: between layers, inside a `call`, on arrays; losses and metrics leave steps out."""

from __future__ import annotations

import warnings

import jax.numpy as jnp
import numpy as np
import pytest

import kgc
from kgc import layers, ops

WORDS = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])
OTHERS = np.array([[1, 0, 2, 0], [3, 0, 3, 0]])
COUNTED = WORDS != 0


class Lookup(layers.Layer):
    """Rows of a table; 0 is padding."""

    def build(self, input_shape):
        self.table = self.add_weight(shape=(5, 3), initializer="random_normal")

    def call(self, inputs):
        return ops.take(self.table, ops.cast(inputs, "int32"), axis=0)

    def compute_mask(self, inputs, mask=None):
        return ops.not_equal(inputs, 0)


class Sum(layers.Layer):
    """Sum over the steps that count; remembers which masks it saw."""

    def call(self, inputs, mask=None):
        self.__dict__.setdefault("saw", []).append(mask is not None)
        if mask is None:
            return ops.sum(inputs, axis=1)
        return ops.sum(ops.where(ops.expand_dims(mask, -1), inputs, 0.0), axis=1)

    def compute_mask(self, inputs, mask=None):
        return None


class Plain(layers.Layer):
    """Says nothing about masks."""

    def call(self, inputs):
        return inputs + 1.0


def mask_of(tensor):
    return getattr(tensor, "_keras_mask", None)


def looked_up(words):
    return Lookup()(words)


def test_a_mask_flows_through_layers_that_support_it_to_the_one_that_takes_it():
    words = kgc.Input((None,), dtype="int32")
    lookup, total = Lookup(), Sum()
    hidden = layers.Dropout(0.1)(layers.Dense(3)(lookup(words)))
    assert hidden._keras_mask.dtype == "bool" and hidden._keras_mask.shape == (None, None)
    model = kgc.Model(words, total(hidden))
    assert set(total.saw) == {True}
    dense = model.get_layer(index=2)
    values = np.asarray(lookup.table.value)[WORDS] @ np.asarray(dense.kernel.value)
    np.testing.assert_allclose(model(WORDS), (values * COUNTED[..., None]).sum(1), rtol=1e-5)
    np.testing.assert_allclose(model.predict(WORDS, verbose=0), model(WORDS), rtol=1e-6)


def test_the_mask_is_part_of_the_call_graph_as_in_keras(tmp_path):
    words = kgc.Input((4,), dtype="int32")
    model = kgc.Model(words, Sum()(layers.Dense(3)(Lookup()(words))))
    names = [operation.name for operation in model.operations]
    assert names[-2].startswith("not_equal") and names[-1].startswith("sum")
    model.save(tmp_path / "m.keras")
    loaded = kgc.models.load_model(tmp_path / "m.keras", custom_objects={"Lookup": Lookup, "Sum": Sum})
    np.testing.assert_array_equal(loaded(WORDS), model(WORDS))
    assert len(loaded.operations) == len(model.operations)


def test_a_mask_that_the_caller_gives_stands():
    words, other = kgc.Input((4,), dtype="int32"), kgc.Input((4,), dtype="bool")
    model = kgc.Model([words, other], Sum()(Lookup()(words), mask=other))
    nothing = model([WORDS, np.zeros((2, 4), bool)])
    np.testing.assert_array_equal(nothing, np.zeros((2, 3)))


def test_several_tensor_arguments_get_their_masks_by_name():
    class Both(layers.Layer):
        def call(self, a, b, a_mask=None, b_mask=None, mask=None):
            self.saw = (a_mask is not None, b_mask is not None, mask is not None)
            return a + b

    both = Both()
    both.supports_masking = True
    result = both(looked_up(WORDS), np.ones((2, 4, 3), np.float32))
    assert both.saw == (True, False, False)
    np.testing.assert_array_equal(mask_of(result), COUNTED)


def test_on_arrays_masks_travel_from_call_to_call():
    found = looked_up(WORDS)
    np.testing.assert_array_equal(mask_of(found), COUNTED)
    total = Sum()
    np.testing.assert_allclose(total(found), (np.asarray(found) * COUNTED[..., None]).sum(1), rtol=1e-6)
    assert mask_of(total(found)) is None
    np.testing.assert_allclose(total(np.asarray(found)), np.asarray(found).sum(1), rtol=1e-6)
    np.testing.assert_array_equal(mask_of(layers.Dense(2)(found)), COUNTED)


def test_a_model_gives_masks_out_and_takes_them_in():
    words = kgc.Input((4,), dtype="int32")
    model = kgc.Model(words, layers.Dense(2)(Lookup()(words)))
    np.testing.assert_array_equal(mask_of(model(WORDS)), COUNTED)
    np.testing.assert_array_equal(mask_of(model(jnp.asarray(WORDS))), COUNTED)
    steps = kgc.Input((4, 3))
    summing = kgc.Model(steps, Sum()(steps))
    ones = np.ones((2, 4, 3), np.float32)
    np.testing.assert_allclose(summing(ones, mask=COUNTED), COUNTED.sum(1)[:, None] * np.ones((1, 3)))
    np.testing.assert_allclose(summing(ones), np.full((2, 3), 4.0))
    outer = kgc.Model(words, summing(model.get_layer(index=1)(words)))  # into a nested model, and on inside
    table = np.asarray(model.get_layer(index=1).table.value)
    np.testing.assert_allclose(outer(WORDS), (table[WORDS] * COUNTED[..., None]).sum(1), rtol=1e-6)


def test_inside_a_call_masks_flow_too_and_past_jax_numpy():
    class Inner(layers.Layer):
        def __init__(self, mixed):
            super().__init__()
            self.lookup, self.total, self.mixed = Lookup(), Sum(), mixed

        def call(self, inputs):
            words = jnp.abs(inputs) if self.mixed else inputs
            found = self.lookup(words)
            return self.total(found), found

    for mixed in (False, True):
        inner = Inner(mixed)
        total, found = inner(WORDS)
        np.testing.assert_allclose(total, (np.asarray(found) * COUNTED[..., None]).sum(1), rtol=1e-6)
        np.testing.assert_array_equal(mask_of(found), COUNTED)


@pytest.mark.parametrize("mixed", [False, True])
def test_a_masked_tensor_handed_to_a_layer_that_uses_jax_numpy(mixed):
    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.total = Sum()

        def call(self, inputs):
            extra = jnp.sin(inputs) if mixed else 0.0
            return self.total(inputs), extra

    outer = Outer()
    outer.supports_masking = True
    found = looked_up(WORDS)
    np.testing.assert_allclose(outer(found)[0], (np.asarray(found) * COUNTED[..., None]).sum(1), rtol=1e-6)


def test_operators_do_not_pass_masks_on():
    words = kgc.Input((4,), dtype="int32")
    assert (Lookup()(words) + 1.0)._keras_mask is None


def test_a_layer_that_drops_a_mask_is_named_at_the_users_line():
    with pytest.warns(UserWarning, match="layer 'plain' .Plain. was given a tensor with a mask") as caught:
        Plain(name="plain")(looked_up(WORDS))
    assert caught[0].filename == __file__
    words = kgc.Input((4,), dtype="int32")
    with pytest.warns(UserWarning, match="does not pass masks on"):
        result = Plain()(Lookup()(words))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # said once, where it was defined
        kgc.Model(words, result).predict(WORDS, verbose=0)


def test_merging_layers_join_masks():
    lookup = Lookup()
    a, b, plain = lookup(WORDS), lookup(OTHERS), np.ones((2, 4, 3), np.float32)
    either = COUNTED | (OTHERS != 0)
    np.testing.assert_array_equal(mask_of(layers.Add()([a, b])), either)
    assert mask_of(layers.Add()([a, plain])) is None
    np.testing.assert_array_equal(mask_of(layers.Concatenate()([a, b])), either)
    np.testing.assert_array_equal(mask_of(layers.Concatenate()([a, plain])), np.ones((2, 4), bool))
    beside = np.concatenate([COUNTED, np.ones((2, 4), bool)], axis=1)
    np.testing.assert_array_equal(mask_of(layers.Concatenate(axis=1)([a, plain])), beside)
    assert mask_of(layers.Concatenate()([plain, plain])) is None


WEIGHTS = {
    "none": None,
    "rows": np.array([1.0, 2.0]),
    "steps": np.array([[1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 1.0]]),
}


@pytest.mark.parametrize("given", WEIGHTS)
@pytest.mark.parametrize("reduction", ["sum", "sum_over_batch_size", "mean_with_sample_weight"])
def test_losses_and_metrics_leave_out_what_the_mask_leaves_out(reduction, given):
    words = kgc.Input((4,), dtype="int32")
    model = kgc.Model(words, layers.Dense(2)(Lookup()(words)))
    target = np.random.default_rng(0).random((2, 4, 2)).astype(np.float32)
    error = ((model.predict(WORDS, verbose=0) - target) ** 2).mean(-1)
    loss = kgc.losses.MeanSquaredError(reduction=reduction)
    model.compile(loss=loss, metrics=["mse"], weighted_metrics=[kgc.metrics.MeanSquaredError(name="weighted")])
    logs = model.evaluate(WORDS, target, sample_weight=WEIGHTS[given], verbose=0, return_dict=True)
    weight = WEIGHTS[given]
    weight = np.ones((2, 4)) if weight is None else weight if weight.ndim == 2 else weight[:, None] * np.ones((1, 4))
    weight = weight * COUNTED
    total = (error * weight).sum()
    expected = {
        "sum": total,
        "sum_over_batch_size": total / COUNTED.sum(),
        "mean_with_sample_weight": total / weight.sum(),
    }
    np.testing.assert_allclose(logs["loss"], expected[reduction], rtol=1e-5)
    np.testing.assert_allclose(logs["mse"], (error * COUNTED).sum() / COUNTED.sum(), rtol=1e-5)
    np.testing.assert_allclose(logs["weighted"], total / weight.sum(), rtol=1e-5)


# What a review found; the numbers are real Keras's rules.
def masked(values, mask):
    array = jnp.asarray(np.asarray(values, np.float32))
    array._keras_mask = jnp.asarray(mask, bool)
    return array


def test_a_mask_that_is_given_is_passed_on():
    steps, given = kgc.Input((3, 2)), kgc.Input((3,), dtype="bool")
    first = layers.SimpleRNN(2, return_sequences=True)
    hidden = first(steps, mask=given)
    assert hidden._keras_mask is given
    x, m = np.ones((2, 3, 2), np.float32), np.array([[1, 1, 0], [1, 0, 0]], bool)
    model = kgc.Model([steps, given], hidden)
    np.testing.assert_array_equal(mask_of(model([x, m])), m)
    np.testing.assert_array_equal(mask_of(first(x, mask=m)), m)
    words = looked_up(WORDS)  # before the one that travels with the tensor
    other = ~COUNTED
    np.testing.assert_array_equal(mask_of(first.__class__(2, return_sequences=True)(words, mask=other)), other)


def test_one_array_twice_keeps_its_mask():
    x = masked([[[1.0], [2.0]]], [[1, 0]])
    np.testing.assert_array_equal(mask_of(layers.Add()([x, x])), [[True, False]])
    np.testing.assert_array_equal(mask_of(layers.Concatenate()([x, x])), [[True, False]])


def test_calls_without_a_mask_do_not_decide_those_with_one():
    steps = kgc.Input((4, 3))
    model = kgc.Model(steps, Sum()(steps))
    x = np.ones((2, 4, 3), np.float32)
    with_mask = masked(x, COUNTED)
    expected = np.repeat(COUNTED.sum(1)[:, None], 3, axis=1)
    np.testing.assert_allclose(model(with_mask), expected)
    np.testing.assert_allclose(model(jnp.asarray(x)), 4.0)
    np.testing.assert_allclose(model(jnp.asarray(x)), 4.0)
    np.testing.assert_allclose(model(with_mask), expected)


def test_masks_of_other_types_are_other_programs():
    total = Sum()
    x = np.ones((2, 4, 3), np.float32)
    np.testing.assert_allclose(total(masked(x, COUNTED)), np.repeat(COUNTED.sum(1)[:, None], 3, axis=1))
    np.testing.assert_allclose(total(masked(x, np.ones((1, 1), bool))), 4.0)


A, B, C = [[[1.0], [2.0], [3.0], [4.0]]], [[[5.0], [1.0], [7.0], [1.0]]], [[[2.0], [9.0], [2.0], [9.0]]]
MERGED = [
    ("Multiply", [1, 1, 0, 0], [1, 0, 1, 0], None, [5, 2, 7, 0]),
    ("Maximum", [1, 1, 0, 0], [1, 0, 1, 0], None, [5, 2, 7, 4]),
    ("Minimum", [1, 1, 0, 0], [1, 0, 1, 0], None, [1, 2, 7, 4]),
    ("Add", [1, 1, 0, 0], [1, 0, 1, 0], None, [6, 3, 10, 5]),
    ("Multiply", [1, 1, 0, 0], [1, 1, 1, 1], None, [5, 2, 7, 1]),
    ("Multiply", [1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [5, 18, 7, 0]),
    ("Maximum", [1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [5, 9, 7, 4]),
    ("Minimum", [1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [1, 2, 7, 4]),
]


@pytest.mark.parametrize(("kind", "a", "b", "c", "expected"), MERGED)
def test_merging_heeds_masks(kind, a, b, c, expected):
    given = [masked(A, [a]), masked(B, [b]), *([masked(C, [c])] if c else [])]
    np.testing.assert_allclose(np.asarray(getattr(layers, kind)()(given))[0, :, 0], expected)


@pytest.mark.parametrize(("kind", "expected"), [("Multiply", [5, 2, 7, 1]), ("Maximum", [5, 2, 7, 1])])
def test_merging_with_one_that_has_no_mask(kind, expected):
    result = getattr(layers, kind)()([masked(A, [[1, 1, 0, 0]]), jnp.asarray(np.asarray(B, np.float32))])
    np.testing.assert_allclose(np.asarray(result)[0, :, 0], expected)
    assert mask_of(result) is None


def test_attention_takes_the_masks_of_its_inputs_away_as_in_keras():
    words = kgc.Input((4,), dtype="int32")
    looked = Lookup()(words)
    attended = layers.MultiHeadAttention(2, 3)(looked, looked)
    assert attended._keras_mask is not None
    assert attended.node.kwargs == {}  # found when the model is traced, and not part of the call
    model = kgc.Model(words, layers.Add()([looked, attended]))
    assert mask_of(model(WORDS)) is None  # Add has a mask only where all its inputs have
    np.testing.assert_array_equal(mask_of(kgc.Model(words, attended)(WORDS)), COUNTED)
    x = masked(np.ones((1, 2, 3)), [[1, 0]])
    np.testing.assert_array_equal(mask_of(layers.MultiHeadAttention(1, 2)(x, x)), [[True, False]])
    assert mask_of(x) is None


def test_time_distributed_runs_a_stateful_layer_step_by_step():
    steps = kgc.Input(batch_shape=(2, 3, 4, 2))
    inner = layers.SimpleRNN(2, stateful=True)
    model = kgc.Model(steps, layers.TimeDistributed(inner)(steps))
    assert [tuple(state.shape) for state in inner.states] == [(2, 2)]
    x = np.random.default_rng(0).random((2, 3, 4, 2), dtype=np.float32)
    assert not np.allclose(model(x), model(x))  # the state goes on
