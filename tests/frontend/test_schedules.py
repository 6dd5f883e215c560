"""Schedules against numbers recorded from Keras, eager and compiled."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgc.compiler.errors import ArgumentError, FileFormatError, KgcError
from kgc.frontend import schedules

FACTS = json.loads(np.load(Path(__file__).parents[1] / "fixtures" / "optimizers.npz")["facts"].tobytes())
STEPS = FACTS["steps"]


def make(name: str) -> schedules.LearningRateSchedule:
    facts = FACTS["schedules"][name]
    return getattr(schedules, facts["class"])(**facts["arguments"])


@pytest.mark.parametrize("name", FACTS["schedules"])
def test_values_are_keras_own(name: str) -> None:
    schedule, expected = make(name), np.array(FACTS["schedules"][name]["values"])
    compiled = jax.jit(schedule)
    for found in ([float(schedule(step)) for step in STEPS], [float(compiled(np.int32(step))) for step in STEPS]):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * expected.max())


@pytest.mark.parametrize("name", FACTS["schedules"])
def test_configs_are_keras_own_and_come_back(name: str) -> None:
    expected = FACTS["schedules"][name]["serialized"]
    assert schedules.serialize(make(name)) == expected
    again = schedules.deserialize(expected)
    assert type(again) is type(make(name))
    assert schedules.serialize(again) == expected


@pytest.mark.parametrize("name", [name for name in FACTS["signatures"] if name.startswith("schedules.")])
def test_signatures_are_keras_own(name: str) -> None:
    cls = getattr(schedules, name.partition(".")[2])
    found = [[key, repr(p.default)] for key, p in inspect.signature(cls).parameters.items()]
    assert found == FACTS["signatures"][name]


def test_the_result_is_a_float32_scalar() -> None:
    for name in FACTS["schedules"]:
        rate = make(name)(3)
        assert (rate.shape, rate.dtype.name) == ((), "float32"), name


def test_whole_numbers_are_as_good_as_floats() -> None:
    assert float(schedules.ExponentialDecay(1, 10, 1)(3)) == 1.0
    assert float(schedules.PiecewiseConstantDecay([5], [1, 2])(6)) == 2.0


class Square(schedules.LearningRateSchedule):
    """A user's own."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, step: Any) -> Any:
        return self.rate * jnp.asarray(step, jnp.float32) ** 2

    def get_config(self) -> dict[str, Any]:
        return {"rate": self.rate}


def test_a_class_of_the_users_own_is_found_only_where_it_is_given() -> None:
    config = schedules.serialize(Square(0.5))
    assert (config["class_name"], config["config"]) == ("Square", {"rate": 0.5})
    again = schedules.deserialize(config, {"Square": Square})
    assert isinstance(again, Square)
    assert float(again(2)) == 2.0
    with pytest.raises(FileFormatError, match=r"Square' as a schedule, which is in no table"):
        schedules.deserialize(config)


MISTAKES = {
    "boundaries": lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2]),
    "order": lambda: schedules.PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3]),
    "exponential": lambda: schedules.ExponentialDecay(0.1, 0, 0.9),
    "polynomial": lambda: schedules.PolynomialDecay(0.1, -1),
    "inverse": lambda: schedules.InverseTimeDecay(0.1, 0, 0.9),
    "cosine": lambda: schedules.CosineDecay(0.1, 0),
    "restarts": lambda: schedules.CosineDecayRestarts(0.1, 0),
    "t_mul": lambda: schedules.CosineDecayRestarts(0.1, 5, t_mul=0.0),
    "unknown": lambda: schedules.deserialize({"class_name": "ExponentialDecy", "config": {}}),
    "module": lambda: schedules.deserialize({"module": "os", "class_name": "ExponentialDecay", "config": {}}),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told_at_the_users_line(name: str) -> None:
    with pytest.raises(KgcError) as caught:
        MISTAKES[name]()
    assert isinstance(caught.value, FileFormatError if name in ("unknown", "module") else ArgumentError)
    assert caught.value.where is not None
    assert caught.value.where.file == __file__
    assert caught.value.received or "'ExponentialDecay'" in str(caught.value)


def test_the_base_class_says_what_to_override() -> None:
    with pytest.raises(NotImplementedError, match="__call__"):
        schedules.LearningRateSchedule()(1)
    with pytest.raises(NotImplementedError, match="get_config"):
        schedules.LearningRateSchedule().get_config()
