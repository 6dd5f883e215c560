"""Base of SimpleRNN, GRU and LSTM: an `RNN` of one cell that it makes itself, whose arguments are its own."""

from __future__ import annotations

from typing import Any

from ...compiler.errors import ArgumentError
from ...compiler.types import TensorType
from .. import regularizers
from . import checks
from .rnn import RNN
from .rnn_cells import RecurrentCell


def of_cell(name: str) -> Any:
    """A property that is the cell's."""
    return property(lambda self: getattr(self.cell, name), doc=f"`{name}` of the cell.")


class FusedRNN(RNN):
    """An RNN whose arguments are those of its cell, and its own."""

    cell: RecurrentCell
    _shown_axes = True

    units, activation, use_bias = of_cell("units"), of_cell("activation"), of_cell("use_bias")
    recurrent_activation = of_cell("recurrent_activation")
    unit_forget_bias, reset_after = of_cell("unit_forget_bias"), of_cell("reset_after")
    kernel_initializer, recurrent_initializer = of_cell("kernel_initializer"), of_cell("recurrent_initializer")
    bias_initializer, kernel_regularizer = of_cell("bias_initializer"), of_cell("kernel_regularizer")
    recurrent_regularizer, bias_regularizer = of_cell("recurrent_regularizer"), of_cell("bias_regularizer")
    kernel_constraint, recurrent_constraint = of_cell("kernel_constraint"), of_cell("recurrent_constraint")
    bias_constraint, dropout = of_cell("bias_constraint"), of_cell("dropout")
    recurrent_dropout = of_cell("recurrent_dropout")

    @staticmethod
    def cell_arguments(kwargs: dict[str, Any]) -> dict[str, Any]:
        """What the cell takes of a layer's further arguments; `implementation`, an older one, is the cell's alone."""
        given = {name: kwargs[name] for name in ("dtype", "trainable") if name in kwargs}
        if "implementation" in kwargs:
            given["implementation"] = kwargs.pop("implementation")
        return given

    @classmethod
    def check_cudnn(cls, use_cudnn: Any) -> None:
        """Refuse what `use_cudnn` cannot be."""
        if use_cudnn is True or use_cudnn not in ("auto", False):
            raise ArgumentError(
                f"{cls.__name__} does not run on cuDNN: kgc compiles the loop itself on every device",
                received=f"{use_cudnn=}",
                hint='leave it out, or give "auto" or False.',
            )

    def check_features(self, x: TensorType) -> None:
        kernel = self.cell.kernel
        checks.fits(self, x, 2, None if kernel is None else kernel.shape[0], "the number of features")

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        own = self.run_config()
        of_cell = {name: value for name, value in self.cell.get_config().items() if name not in own}
        return {**own, **of_cell, "activity_regularizer": regularizers.serialize(self.activity_regularizer)}
