"""Optimizers over ten steps on given gradients: the model is one weight, the loss linear in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..case import add
from ..draws import Draws
from ..probing import linear_loss, offset

STEPS, ROWS = 10, 4


def add_optimizer(name: str, make: Callable[[Any], Any], spread: float = 1.5, steps: int = STEPS) -> None:
    """Register the weight's path under `make(keras)` with gradients in [-spread, spread)."""

    def run(keras: Any, draws: Draws) -> dict[str, Any]:
        inputs = keras.Input(batch_shape=(ROWS, 3))
        shift = offset(keras, (ROWS, 3))
        model = keras.Model(inputs, shift(inputs))
        model.compile(optimizer=make(keras), loss=linear_loss(keras))
        draws.fill(model)
        found = {}
        x = np.zeros((ROWS * steps, 3), "float32")
        gradient = draws.uniform(ROWS * steps, 3, low=-spread, high=spread)
        for i in range(0, len(x), ROWS * steps // 2):
            part = slice(i, i + ROWS * steps // 2)
            model.fit(x[part], gradient[part], batch_size=ROWS, shuffle=False, verbose=0)
            found[f"weight.{i // ROWS}"] = model.get_weights()[0]
        return found

    add(f"optimizers/{name}", run)


def add_kind(kind: str, rows: dict[str, dict[str, Any]]) -> None:
    """Register one optimizer class with several sets of arguments."""
    for name, options in rows.items():
        add_optimizer(f"{kind}_{name}", lambda keras, options=options: getattr(keras.optimizers, kind)(**options))


add_kind(
    "SGD",
    {
        "default": {},
        "rate": {"learning_rate": 0.3},
        "momentum": {"learning_rate": 0.1, "momentum": 0.9},
        "nesterov": {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True},
        "clipnorm": {"learning_rate": 0.1, "clipnorm": 1.0},
        "clipvalue": {"learning_rate": 0.1, "clipvalue": 0.5},
        "global_clipnorm": {"learning_rate": 0.1, "global_clipnorm": 2.0},
        "weight_decay": {"learning_rate": 0.1, "weight_decay": 0.05},
        "momentum_clipnorm": {"learning_rate": 0.1, "momentum": 0.5, "clipnorm": 0.7},
    },
)
add_kind(
    "RMSprop",
    {
        "default": {},
        "rate_rho": {"learning_rate": 0.05, "rho": 0.5},
        "momentum": {"learning_rate": 0.05, "momentum": 0.9},
        "centered": {"learning_rate": 0.05, "centered": True},
        "centered_momentum": {"learning_rate": 0.05, "centered": True, "momentum": 0.5},
        "epsilon": {"learning_rate": 0.05, "epsilon": 0.1},
        "clipnorm": {"learning_rate": 0.05, "clipnorm": 1.0},
        "weight_decay": {"learning_rate": 0.05, "weight_decay": 0.05},
    },
)
add_kind(
    "Adam",
    {
        "default": {},
        "rate_betas": {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.9},
        "epsilon": {"learning_rate": 0.05, "epsilon": 0.1},
        "amsgrad": {"learning_rate": 0.05, "amsgrad": True, "beta_2": 0.5},
        "clipnorm": {"learning_rate": 0.05, "clipnorm": 1.0},
        "weight_decay": {"learning_rate": 0.05, "weight_decay": 0.05},
    },
)
add_optimizer("adam_small_gradients", lambda keras: keras.optimizers.Adam(0.05), spread=1e-6)
add_optimizer("rmsprop_small_gradients", lambda keras: keras.optimizers.RMSprop(0.05), spread=1e-6)
for _name in ("sgd", "rmsprop", "adam"):
    add_optimizer(f"named_{_name}", lambda keras, name=_name: name)

SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "exponential": lambda s: s.ExponentialDecay(0.2, decay_steps=3, decay_rate=0.5),
    "exponential_staircase": lambda s: s.ExponentialDecay(0.2, decay_steps=3, decay_rate=0.5, staircase=True),
    "piecewise": lambda s: s.PiecewiseConstantDecay([2, 5], [0.3, 0.1, 0.02]),
    "polynomial": lambda s: s.PolynomialDecay(0.2, decay_steps=6, end_learning_rate=0.01, power=2.0),
    "polynomial_cycle": lambda s: s.PolynomialDecay(0.2, decay_steps=4, end_learning_rate=0.01, cycle=True),
    "inverse_time": lambda s: s.InverseTimeDecay(0.2, decay_steps=2, decay_rate=0.5),
    "inverse_time_staircase": lambda s: s.InverseTimeDecay(0.2, decay_steps=2, decay_rate=0.5, staircase=True),
    "cosine": lambda s: s.CosineDecay(0.2, decay_steps=7, alpha=0.1),
    "cosine_warmup": lambda s: s.CosineDecay(0.0, decay_steps=6, warmup_target=0.2, warmup_steps=3),
    "cosine_restarts": lambda s: s.CosineDecayRestarts(0.2, first_decay_steps=3, t_mul=2.0, m_mul=0.8, alpha=0.05),
}
for _name, _schedule in SCHEDULES.items():
    add_optimizer(
        f"schedule_{_name}",
        lambda keras, schedule=_schedule: keras.optimizers.SGD(schedule(keras.optimizers.schedules)),
    )
add_optimizer(
    "schedule_with_adam",
    lambda keras: keras.optimizers.Adam(SCHEDULES["exponential"](keras.optimizers.schedules)),
)
