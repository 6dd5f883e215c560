"""How layers keep, make and write down their weights.

A weight `kernel` goes with the arguments `kernel_initializer`, `kernel_regularizer` and `kernel_constraint`.  A layer
keeps them in `__init__` (`keep`), makes the weight from them in `build` (`make`), and writes them in `get_config`
(`config`); what a weight was kept without, neither takes part nor is written.

    kernel: Any
    scale: Any

    def __init__(self, units, kernel_initializer="glorot_uniform", …):
        weighted.keep(self, kernel=(kernel_initializer, kernel_regularizer, kernel_constraint), scale=("ones",))

    def build(self, input_shape):
        weighted.make(self, "kernel", (input_shape[-1], self.units))
        weighted.make(self, "scale", (self.units,), trainable=False)

    def get_config(self):
        return {**base_config(self), "units": self.units, **weighted.config(self, "kernel", "scale")}
"""

from __future__ import annotations

from typing import Any

from .. import constraints, initializers, regularizers
from ..variable import Variable

ROLES = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}


def keep(layer: Any, **weights: tuple[Any, ...]) -> None:
    """Keep what weights are made with: `keep(layer, kernel=(initializer, regularizer, constraint))`.

    Each becomes an attribute `<weight>_initializer`, …; a shorter tuple leaves out the regularizer or the constraint.
    The weight itself becomes an attribute that is None until it is made; the class declares it for type checkers.

    Raises:
        ArgumentError: a name or object that is none of its kind.
    """
    for weight, values in weights.items():
        setattr(layer, weight, None)
        for (role, module), value in zip(ROLES.items(), values, strict=False):
            setattr(layer, f"{weight}_{role}", module.get(value))


def make(layer: Any, weight: str, shape: Any, like: str | None = None, **options: Any) -> Variable:
    """Make a weight and set it as the attribute of its name.

    Args:
        layer: whose it is.
        weight: its name.
        shape: its sizes.
        like: under which name its initializer, regularizer and constraint were kept, if not its own
            (`depthwise_kernel` has `depthwise_initializer`).
        options: what else `add_weight` takes (`dtype`, `trainable`, `autocast`, …).
    """
    kept = {role: getattr(layer, f"{like or weight}_{role}", None) for role in ROLES}
    variable = layer.add_weight(name=weight, shape=shape, **{**kept, **options})
    setattr(layer, weight, variable)
    return variable


def config(layer: Any, *weights: str) -> dict[str, Any]:
    """The entries of `get_config` for what was kept: initializers first, then regularizers, then constraints."""
    return {
        f"{weight}_{role}": module.serialize(getattr(layer, f"{weight}_{role}"))
        for role, module in ROLES.items()
        for weight in weights
        if hasattr(layer, f"{weight}_{role}")
    }
