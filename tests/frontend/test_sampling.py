"""`kgc.random`: where numbers come from, in and outside of models, and how they are distributed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kgc as keras
from kgc import layers, ops, random, utils
from kgc.compiler.errors import ArgumentError, DTypeError, GraphError, ShapeError

COUNT = 20_000
# A draw, its mean and standard deviation.
DRAWS: dict[str, tuple[Any, float, float]] = {
    "normal": (lambda **k: random.normal((COUNT,), 2.0, 0.5, **k), 2.0, 0.5),
    "truncated_normal": (lambda **k: random.truncated_normal((COUNT,), 1.0, 0.1, **k), 1.0, 0.08796),
    "uniform": (lambda **k: random.uniform((COUNT,), -3.0, 1.0, **k), -1.0, 4 * 12**-0.5),
    "randint": (lambda **k: random.randint((COUNT,), -2, 3, **k), 0.0, 2**0.5),
    "dropout": (lambda **k: random.dropout(np.ones(COUNT, "float32"), 0.25, **k), 1.0, 3**-0.5),
    "categorical": (lambda **k: random.categorical(np.log([[0.5, 0.25, 0.25]]), COUNT, **k), 0.75, 0.829),
    "gamma": (lambda **k: random.gamma((COUNT,), 2.0, **k), 2.0, 2**0.5),
    "beta": (lambda **k: random.beta((COUNT,), 1.0, 3.0, **k), 0.25, 0.1936),
    "binomial": (lambda **k: random.binomial((COUNT,), 10, 0.25, **k), 2.5, 1.875**0.5),
    "shuffle": (lambda **k: random.shuffle(np.arange(COUNT) / COUNT, **k), 0.5, 12**-0.5),
}


def array(x: Any) -> np.ndarray:
    return np.asarray(x, "float64")


@pytest.mark.parametrize("name", DRAWS)
def test_distributions(name: str) -> None:
    draw, mean, deviation = DRAWS[name]
    drawn = array(draw(seed=1)).ravel()
    assert drawn.size == COUNT
    assert drawn.mean() == pytest.approx(mean, abs=5 * deviation / COUNT**0.5)
    assert drawn.std() == pytest.approx(deviation, rel=0.04)


@pytest.mark.parametrize("name", DRAWS)
def test_seeds(name: str) -> None:
    draw = DRAWS[name][0]
    np.testing.assert_array_equal(array(draw(seed=3)), array(draw(seed=3)))
    assert not np.array_equal(array(draw(seed=3)), array(draw(seed=4)))
    assert not np.array_equal(array(draw()), array(draw()))
    one, other = random.SeedGenerator(7), random.SeedGenerator(7)
    first, second = array(draw(seed=one)), array(draw(seed=one))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(array(draw(seed=other)), first)
    np.testing.assert_array_equal(array(draw(seed=other)), second)
    utils.set_random_seed(5)
    before = array(draw()), array(draw())
    utils.set_random_seed(5)
    np.testing.assert_array_equal((array(draw()), array(draw())), before)


def test_large_seeds_differ() -> None:
    drawn = {float(random.uniform((), seed=seed)) for seed in (0, 1, 2**31, 2**31 + 1, 2**32, 2**32 + 1, 2**40)}
    assert len(drawn) == 7


def test_dtypes_and_shapes() -> None:
    assert random.normal((2, 3), dtype="bfloat16").dtype == "bfloat16"
    assert random.uniform(()).dtype == "float32" and random.uniform(4).shape == (4,)
    assert random.randint((2,), 0, 5, dtype="uint8").dtype == "uint8"
    assert random.categorical(np.zeros((2, 3), "float32"), 5, dtype="int8").dtype == "int8"
    assert random.gamma((4, 3), [1.0, 2.0, 3.0]).shape == (4, 3)


def test_shuffle_moves_slices_as_a_whole() -> None:
    x = np.arange(12).reshape(3, 4)
    drawn = array(random.shuffle(x, axis=1, seed=1))
    order = drawn[0].astype(int)
    assert sorted(order) == [0, 1, 2, 3] and list(order) != [0, 1, 2, 3]
    np.testing.assert_array_equal(drawn, x[:, order])


def test_noise_shape() -> None:
    drawn = array(random.dropout(np.ones((4, 50), "float32"), 0.5, noise_shape=(1, None), seed=2))
    assert (drawn == drawn[:1]).all() and set(np.unique(drawn)) == {0.0, 2.0}


# In models


class Noise(layers.Layer):
    """Replaces its input by noise of its shape."""

    def __init__(self, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed

    def call(self, inputs: Any) -> Any:
        return 0 * inputs + random.normal(ops.shape(inputs), seed=self.seed)


def model_of(layer: Any) -> Any:
    x = keras.Input((5,))
    return keras.Model(x, layer(x))


ZEROS = np.zeros((3, 5), "float32")


def test_in_a_call_every_step_has_its_numbers() -> None:
    model = model_of(Noise())
    first, second = array(model(ZEROS)), array(model(ZEROS))
    assert first.shape == (3, 5) and not np.array_equal(first, second)
    assert array(model(np.zeros((2, 5), "float32"))).shape == (2, 5)
    assert len(np.unique(model.predict(np.zeros((8, 5)), batch_size=2, verbose=0))) == 40


def test_two_layers_draw_different_numbers() -> None:
    x = keras.Input((5,))
    a, b = keras.Model(x, [Noise(name="a")(x), Noise(name="b")(x)])(ZEROS)
    assert not np.array_equal(array(a), array(b))


def test_an_int_gives_the_same_at_every_step() -> None:
    model = model_of(Noise(seed=4))
    np.testing.assert_array_equal(array(model(ZEROS)), array(model(ZEROS)))
    np.testing.assert_array_equal(array(model(ZEROS)), array(random.normal((3, 5), seed=4)))
    drawn = model.predict(np.zeros((4, 5)), batch_size=2, verbose=0)
    np.testing.assert_array_equal(drawn[:2], drawn[2:])


def test_a_seed_generator_is_state() -> None:
    made = random.SeedGenerator(9)
    model = model_of(Noise(seed=made))
    alone = random.SeedGenerator(9)
    for _ in range(3):
        np.testing.assert_array_equal(array(model(ZEROS)), array(random.normal((3, 5), seed=alone)))
    np.testing.assert_array_equal(made.state.numpy(), [9, 3])
    assert made.state.dtype == "uint32" and not made.state.trainable


def test_a_seed_generator_counts_the_steps_of_fit() -> None:
    made = random.SeedGenerator(9)
    x = keras.Input((5,))
    model = keras.Model(x, layers.Dense(1)(Noise(seed=made)(x)))
    model.compile("sgd", "mse")
    model.fit(np.zeros((8, 5)), np.zeros((8, 1)), batch_size=2, epochs=3, verbose=0)
    np.testing.assert_array_equal(made.state.numpy(), [9, 12])


def test_dropout_acts_outside_training_too() -> None:
    class Drop(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return random.dropout(inputs, 0.5)

    assert (array(model_of(Drop())(np.ones((10, 5), "float32"))) == 0).any()


def test_every_draw_in_a_call() -> None:
    class All(layers.Layer):
        def call(self, inputs: Any) -> Any:
            shape = ops.shape(inputs)
            made = [
                random.uniform(shape), random.truncated_normal(shape, seed=1), random.dropout(inputs, 0.5),
                random.shuffle(inputs, axis=1), random.gamma(shape, 2.0), random.beta(shape, 1.0, 2.0),
                random.binomial(shape, 3, 0.5), ops.cast(random.randint(shape, 0, 9), "float32"),
                ops.cast(random.categorical(inputs, 5), "float32"),
            ]  # fmt: skip
            return ops.stack(made, axis=1)

    assert array(model_of(All())(ZEROS)).shape == (3, 9, 5)


def test_a_seed_generator_in_a_config() -> None:
    made = random.SeedGenerator(3, name="mine")
    config = utils.serialize_keras_object(made)
    assert config["module"] == "keras.random" and config["config"] == {"seed": 3, "name": "mine"}
    again = utils.deserialize_keras_object(config)
    assert isinstance(again, random.SeedGenerator) and again.get_config() == made.get_config()


def test_seed_generators_follow_the_seed_of_the_process() -> None:
    utils.set_random_seed(1)
    one = [random.SeedGenerator().get_config()["seed"] for _ in range(2)]
    utils.set_random_seed(1)
    assert one == [random.SeedGenerator().get_config()["seed"] for _ in range(2)] and one[0] != one[1]


@pytest.mark.parametrize(
    "call, error, said",
    [
        (lambda: random.normal((2,), dtype="int32"), DTypeError, "makes floats"),
        (lambda: random.uniform((2,), dtype="int32"), DTypeError, "makes floats"),
        (lambda: random.randint((2,), 0, 3, dtype="float32"), DTypeError, "makes integers"),
        (lambda: random.normal((None, 2)), ShapeError, "takes shape as sizes"),
        (lambda: random.normal((-1,)), ShapeError, "takes shape as sizes"),
        (lambda: random.normal((2.0,)), ShapeError, "takes shape as sizes"),
        (lambda: random.normal((2,), seed="a"), ArgumentError, "takes seed as"),
        (lambda: random.normal((2,), seed=True), ArgumentError, "takes seed as"),
        (lambda: random.normal((2,), seed=-1), ArgumentError, "from 0 to"),
        (lambda: random.SeedGenerator("a"), ArgumentError, "A seed is an integer"),
        (lambda: random.SeedGenerator(2**32), ArgumentError, "below"),
        (lambda: random.SeedGenerator(1, foo=2), ArgumentError, "'foo'"),
        (lambda: random.categorical(np.zeros(3, "float32"), 2), ShapeError, "two axes"),
        (lambda: random.shuffle(np.zeros(3), axis=1), ArgumentError, "out of range"),
        (lambda: random.dropout(np.ones(3, "float32"), 2.0), ArgumentError, "from 0 to 1"),
        (lambda: random.dropout(keras.Input((3,)), 0.5), GraphError, "between layers"),
        (lambda: random.shuffle(keras.Input((3,))), GraphError, "between layers"),
    ],
)
def test_refusals(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()
