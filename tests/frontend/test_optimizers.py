"""Optimizers against what real Keras was recorded to do: configs, stored order, and ten steps of numbers."""

from __future__ import annotations

import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kgc.compiler.errors import ArgumentError, KgcError
from kgc.frontend import constraints, naming, optimizers, schedules
from kgc.frontend.optimizer import Optimizer
from kgc.frontend.variable import Variable

from .recorded_optimizers import FACTS, NAMES, RECORDED, close, make, values


@pytest.mark.parametrize("name", FACTS["optimizers"])
def test_ten_steps_give_keras_numbers(name: str) -> None:
    optimizer, variables = make(name)
    step = jax.jit(optimizer.apply, donate_argnums=(1, 2))
    params: list[Any] = values(variables)
    state: list[Any] = values(optimizer.variables)
    for i in range(10):
        params, state = step([RECORDED[f"grads/{key}"][i] for key in NAMES], params, state)
        for key, param in zip(NAMES, params, strict=True):
            close(param, RECORDED[f"{name}/{key}"][i + 1])
    for i, array in enumerate(state):
        close(array, RECORDED[f"{name}/state{i}"])


@pytest.mark.parametrize("name", FACTS["optimizers"])
def test_configs_and_stored_order_are_keras_own(name: str) -> None:
    optimizer, facts = make(name)[0], FACTS["optimizers"][name]
    assert optimizer.get_config() == facts["config"]
    assert optimizers.serialize(optimizer) == facts["serialized"]
    assert [[v.path, v.dtype, list(v.shape)] for v in optimizer.variables] == facts["variables"]
    again = optimizers.deserialize(facts["serialized"])
    assert type(again) is type(optimizer)
    assert optimizers.serialize(again) == facts["serialized"]


@pytest.mark.parametrize("name", [name for name in FACTS["signatures"] if name.startswith("optimizers.")])
def test_signatures_are_keras_own(name: str) -> None:
    cls = getattr(optimizers, name.partition(".")[2])
    found = [[key, repr(p.default)] for key, p in inspect.signature(cls).parameters.items()]
    assert found == FACTS["signatures"][name]


def test_names_are_counted_by_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naming, "_counts", {})
    made = [optimizers.SGD(), optimizers.SGD(), optimizers.RMSprop(), optimizers.AdamW(), optimizers.SGD(name="mine")]
    assert [optimizer.name for optimizer in made] == ["sgd", "sgd_1", "rm_sprop", "adam_w", "mine"]


# --- what stands for an optimizer ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", "Adam"), ("ADAM", "Adam"), ("RMSprop", "RMSprop"), ("rmsprop", "RMSprop"), ("RMSProp", "RMSprop"),
     ("sgd", "SGD"), ("AdamW", "AdamW"), ("adamw", "AdamW"), ("adagrad", "Adagrad")],
)  # fmt: skip
def test_strings_in_any_case(name: str, kind: str) -> None:
    assert type(optimizers.get(name)).__name__ == kind


def test_get_takes_objects_configs_and_optax() -> None:
    made = optimizers.Adam()
    assert optimizers.get(made) is made
    schedule = {
        "class_name": "ExponentialDecay",
        "config": {"initial_learning_rate": 0.5, "decay_steps": 10, "decay_rate": 0.9},
    }
    found = optimizers.get({"class_name": "adam", "config": {"learning_rate": schedule}})
    assert float(found.learning_rate) == 0.5
    assert type(optimizers.get(optax.adam(0.1))) is optimizers.OptaxOptimizer


class Halving(schedules.LearningRateSchedule):
    """A user's schedule in plain arithmetic."""

    def __call__(self, step: Any) -> Any:
        return 1.0 / (1 + step)

    def get_config(self) -> dict[str, Any]:
        return {}


def test_a_schedule_of_the_users_own_is_found_only_where_it_is_given() -> None:
    config = optimizers.serialize(optimizers.SGD(Halving()))
    again = optimizers.deserialize(config, {"Halving": Halving})
    assert isinstance(again.program_key.schedule, Halving)
    with pytest.raises(KgcError, match=r"Halving.*in no table"):
        optimizers.deserialize(config)


class Deciding(schedules.LearningRateSchedule):
    """A mistake: `if` on a traced number."""

    def __call__(self, step: Any) -> Any:
        return 0.1 if step < 5 else 0.01  # here


def apply_deciding() -> None:
    optimizer = optimizers.SGD(Deciding())
    optimizer.apply_gradients([(jnp.ones(2), Variable(np.ones(2, "float32"), name="w"))])


def other_variables() -> None:
    optimizer = optimizers.SGD()
    optimizer.build([Variable(np.ones(2, "float32"), name="w")])
    optimizer.apply_gradients([(jnp.ones(2), Variable(np.ones(2, "float32"), name="other"))])


def number_for_schedule() -> None:
    optimizers.SGD(Halving()).learning_rate = 0.1


def other_optax_variables() -> None:
    optimizer = optimizers.get(optax.sgd(0.1))
    optimizer.build([Variable(np.ones(2, "float32"))])
    optimizer.build([Variable(np.ones(2, "float32"))])


class Ruleless(Optimizer):
    """A user's subclass in Keras's manner."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Keras's hook, which kgc does not call."""


MISTAKES: dict[str, tuple[Any, str]] = {
    "near": (lambda: optimizers.get("Adm"), "'adam'"),
    "nothing like it": (lambda: optimizers.get("zzzzzz"), "names are"),
    "number": (lambda: optimizers.get(3), "This is no optimizer"),
    "function": (lambda: optimizers.get(lambda: 0), "This is no optimizer"),
    "none": (lambda: optimizers.get(None), "This is no optimizer"),
    "class name": (lambda: optimizers.get({"class_name": "Adem", "config": {}}), "'adam'"),
    "module": (lambda: optimizers.get({"module": "os", "class_name": "Adam", "config": {}}), "os.Adam"),
    "lr": (lambda: optimizers.SGD(lr=0.1), "lr=0.1"),
    "rate string": (lambda: optimizers.SGD("0.1"), "learning_rate='0.1'"),
    "rate function": (lambda: optimizers.SGD(lambda: 0.1), "not supported yet"),
    "rate bool": (lambda: optimizers.SGD(True), "learning_rate=True"),
    "two clips": (lambda: optimizers.SGD(clipnorm=1.0, clipvalue=1.0), "clipnorm=1.0, clipvalue=1.0"),
    "negative clip": (lambda: optimizers.SGD(clipnorm=-1.0), "clipnorm=-1.0"),
    "momentum": (lambda: optimizers.SGD(momentum=2.0), "momentum=2.0"),
    "rho": (lambda: optimizers.RMSprop(rho=1.1), "rho=1.1"),
    "beta": (lambda: optimizers.Adam(beta_2=1.0), "beta_2=1.0"),
    "epsilon": (lambda: optimizers.Adam(epsilon=None), "epsilon=None"),
    "start": (lambda: optimizers.Adagrad(initial_accumulator_value=-1.0), "initial_accumulator_value=-1.0"),
    "decay": (lambda: optimizers.AdamW(weight_decay=None), "weight_decay=None"),
    "decay string": (lambda: optimizers.SGD(weight_decay="a"), "weight_decay='a'"),
    "accumulate": (lambda: optimizers.SGD(gradient_accumulation_steps=1), "at least 2"),
    "accumulate part": (lambda: optimizers.SGD(gradient_accumulation_steps=2.5), "at least 2"),
    "overwrite": (lambda: optimizers.SGD(use_ema=True, ema_overwrite_frequency=0), "at least 1"),
    "ema": (lambda: optimizers.SGD(use_ema=True, ema_momentum=2.0), "ema_momentum=2.0"),
    "scale": (lambda: optimizers.SGD(loss_scale_factor=0.0), "loss_scale_factor=0.0"),
    "name": (lambda: optimizers.SGD(name="a/b"), "name='a/b'"),
    "schedule set": (number_for_schedule, "follows a schedule"),
    "other variables": (other_variables, "other variables"),
    "no rule": (lambda: Ruleless(0.1).build([]), "`update_step` is not supported yet"),
    "optax rate": (lambda: optimizers.get(optax.sgd(0.1)).learning_rate, "inject_hyperparams"),
    "optax config": (lambda: optimizers.serialize(optimizers.get(optax.sgd(0.1))), "cannot be stored"),
    "optax variables": (other_optax_variables, "give `compile` the transformation again"),
    "python if": (apply_deciding, "ops.where"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told_at_the_users_line(name: str) -> None:
    mistake, said = MISTAKES[name]
    with pytest.raises(KgcError) as caught:
        mistake()
    assert said in str(caught.value)
    assert caught.value.where is not None
    assert caught.value.where.file == __file__


def test_a_schedule_that_decides_in_python_is_shown_where_it_decides() -> None:
    with pytest.raises(ArgumentError) as caught:
        apply_deciding()
    assert "# here" in str(caught.value)


# --- learning rate and program -------------------------------------------------------------------------------------


def test_the_learning_rate_is_read_and_set() -> None:
    optimizer = optimizers.SGD(0.1)
    rate = optimizer.learning_rate
    assert float(rate) == pytest.approx(0.1)
    optimizer.learning_rate = 0.5
    assert rate.numpy() == np.float32(0.5)
    rate.assign(0.25)
    assert optimizer.get_config()["learning_rate"] == 0.25
    optimizer.learning_rate = schedules.ExponentialDecay(0.5, 10, 0.9)
    assert float(optimizer.learning_rate) == 0.5
    assert [v.name for v in optimizer.variables] == ["iteration"]


@pytest.mark.parametrize("rate", [1, np.float32(0.5), np.float64(0.5), np.int64(2)])
def test_a_learning_rate_is_any_real_number(rate: Any) -> None:
    assert float(optimizers.Adam(rate).learning_rate) == rate


def test_the_program_stays_when_only_variables_change_and_goes_when_anything_else_does() -> None:
    optimizer, (kernel, bias) = make("adam")
    key = optimizer.program_key
    assert hash(key) == hash(optimizer.program_key)
    optimizer.learning_rate = 0.7
    optimizer.apply_gradients([(jnp.ones((3, 4)), kernel), (jnp.ones(4), bias)])
    assert optimizer.program_key == key

    changes = {
        "weight_decay": 0.1, "clipnorm": 1.0, "beta_1": 0.5, "amsgrad": True, "use_ema": True,
        "gradient_accumulation_steps": 2, "loss_scale_factor": 2.0, "learning_rate": Halving(),
    }  # fmt: skip
    for name, value in changes.items():
        changed = make("adam")[0]
        setattr(changed, name, value)
        assert changed.program_key != key, name
    for change in (
        lambda o, vs: o.exclude_from_weight_decay(var_names=["bias"]),
        constrain,
        lambda o, vs: o.build(vs[:1]),
    ):
        changed, variables = make("adam")
        change(changed, variables)
        assert changed.program_key != key


def constrain(optimizer: Optimizer, variables: list[Variable]) -> None:
    variables[0].constraint = constraints.NonNeg()
    optimizer.build(variables)


def test_a_changed_learning_rate_compiles_nothing() -> None:
    optimizer, variables = make("sgd")
    traced = []

    @jax.jit
    def step(params: Any, state: Any) -> Any:
        traced.append(1)
        return optimizer.apply([jnp.ones((3, 4)), jnp.ones(4)], params, state)

    for rate in (0.1, 0.4):
        optimizer.learning_rate = rate
        params, _ = step(values(variables), values(optimizer.variables))
        close(params[1], variables[1].numpy() - rate)
    assert len(traced) == 1


# --- state ---------------------------------------------------------------------------------------------------------


def test_state_is_made_without_compiling() -> None:
    variables = [Variable(np.ones((3, n), "float32"), name=f"w{n}") for n in range(1, 20)]
    events: list[str] = []

    def listen(event: str, *_: Any, **__: Any) -> None:
        events.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        optimizer = optimizers.Adam(use_ema=True)
        optimizer.build(variables)
        optimizer.transformation().init([np.ones((5, n), "float32") for n in range(1, 20)])
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert len(optimizer.variables) == 2 + 19 * 3
    assert not events


def test_variables_that_stay_keep_their_state_and_the_others_begin() -> None:
    optimizer, (kernel, bias) = make("sgd_momentum")
    optimizer.apply_gradients([(jnp.ones((3, 4)), kernel), (jnp.ones(4), bias)])
    of_bias = optimizer.variables[3]
    other = Variable(np.ones(2, "float32"), name="other")
    optimizer.build([bias, other])
    assert optimizer.variables[2] is of_bias
    assert of_bias.numpy().any()
    assert [v.name for v in optimizer.variables[2:]] == ["bias_momentum", "other_momentum"]
    optimizer.build([kernel, bias])
    assert optimizer.variables[2].numpy().any()


def test_slot_names_hold_the_whole_path() -> None:
    variable = Variable(np.ones(2, "float32"), name="kernel")
    variable.path = "model/dense/kernel"
    optimizer = optimizers.SGD(momentum=0.5, name="opt")
    optimizer.build([variable])
    assert optimizer.variables[2].path == "opt/model_dense_kernel_momentum"


def test_stateless_apply_has_keras_order_of_arguments() -> None:
    optimizer, variables = make("sgd")
    grads = [jnp.ones((3, 4)), jnp.ones(4)]
    params, state = optimizer.stateless_apply(values(optimizer.variables), grads, values(variables))
    close(params[1], variables[1].numpy() - 0.01)
    assert int(state[0]) == 1


def test_apply_gradients_changes_variables_in_place() -> None:
    optimizer, variables = make("adam")
    for i in range(10):
        optimizer.apply_gradients([(RECORDED[f"grads/{key}"][i], v) for key, v in zip(NAMES, variables, strict=True)])
    close(variables[0].numpy(), RECORDED["adam/kernel"][10])
    assert int(optimizer.iterations) == 10
    optimizer.weight_decay = 0.5  # the compiled update must notice
    before = variables[1].numpy()
    optimizer.learning_rate = 1.0
    optimizer.apply_gradients([(np.zeros((3, 4), "float32"), variables[0]), (np.zeros(4, "float32"), variables[1])])
    assert np.abs(variables[1].numpy() - before).max() > 0.1


def test_iterations_count_updates_while_gradients_are_accumulated() -> None:
    optimizer = optimizers.SGD(gradient_accumulation_steps=2)
    variable = Variable(np.ones(2, "float32"), name="w")
    for expected in (0, 1, 1, 2):
        optimizer.apply_gradients([(jnp.ones(2), variable)])
        assert optimizer.iterations == expected


def test_averages_take_the_parameters_place_at_the_end() -> None:
    optimizer, variables = make("sgd_ema")
    start = variables[1].numpy()
    optimizer.finalize_variable_values(variables)
    np.testing.assert_array_equal(variables[1].numpy(), start)  # no step was made, so there are no averages yet
    for _ in range(2):
        optimizer.apply_gradients([(jnp.ones((3, 4)), variables[0]), (jnp.ones(4), variables[1])])
    optimizer.finalize_variable_values(variables)
    close(variables[1].numpy(), start - 0.1 - 0.3 * 0.1)


def test_the_loss_is_scaled_as_the_gradients_are_unscaled() -> None:
    assert optimizers.SGD(loss_scale_factor=8.0).scale_loss(2.0) == 16.0
    assert optimizers.SGD().scale_loss(2.0) == 2.0


def test_variables_of_half_precision_keep_their_dtype() -> None:
    optimizer = optimizers.Adam(0.1, use_ema=True, ema_overwrite_frequency=2, clipnorm=1.0)
    variable = Variable(np.ones((2, 3), np.dtype("bfloat16")), name="w")
    variable.constraint = constraints.MaxNorm()
    for _ in range(2):
        optimizer.apply_gradients([(jnp.ones((2, 3), "bfloat16"), variable)])
    assert {v.dtype for v in optimizer.variables[2:]} == {"bfloat16"}
    assert float(variable.numpy()[0, 0]) < 1
