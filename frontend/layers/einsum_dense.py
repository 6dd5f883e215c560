"""EinsumDense: a dense layer over any axes, said in Einstein's notation."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...compiler.errors import ArgumentError, ShapeError
from ...compiler.ops.checks import differ, known
from .. import activations, ops, regularizers
from ..layer import Layer
from ..layer_config import base_config
from ..saving.registry import serializable
from . import checks, weighted

_EQUATION = re.compile(r"(\.{3})?([a-zA-Z]+)(\.{3})?,([a-zA-Z]+)->(\.{3})?([a-zA-Z]+)(\.{3})?")


class _Terms(NamedTuple):
    """An equation for an input of known rank: a letter for each axis of it, of the kernel, and of the output."""

    inputs: str
    kernel: str
    output: str
    from_right: bool  # whether `output_shape` says the sizes of the last axes of the output, not of those after batch


@serializable("keras.layers", kind="layer")
class EinsumDense(Layer):
    """activation(einsum(equation, x, kernel) + bias).

    Args:
        equation: such as "abc,cd->abd", or "...x,xy->...y" where dots stand for axes that stay as they are.
        output_shape: sizes of the output's axes, without the batch and (unless None stands there) those of the dots;
            None where the size is the input's.
        activation: applied at the end; none by default.
        bias_axes: letters of the output for which the bias has a size; without, there is no bias.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
        kernel_constraint, bias_constraint: of the two weights, and a penalty on the result.
        lora_rank, lora_alpha, gptq_unpacked_column_size, quantization_config: not supported.
    """

    kernel: Any
    bias: Any

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        checks.unsupported(
            self,
            lora_rank=lora_rank,
            lora_alpha=lora_alpha,
            gptq_unpacked_column_size=gptq_unpacked_column_size,
            quantization_config=quantization_config,
        )
        self.equation = equation
        self.partial_output_shape = self._sizes(output_shape)
        self.bias_axes = bias_axes or None
        self._parse()
        self.activation = activations.get(activation)
        weighted.keep(
            self,
            kernel=(kernel_initializer, kernel_regularizer, kernel_constraint),
            bias=(bias_initializer, bias_regularizer, bias_constraint),
        )
        self._channels: dict[str, int] = {}

    def _sizes(self, given: Any) -> tuple[int | None, ...]:
        sizes = given if isinstance(given, list | tuple) else (given,)
        return tuple(None if size is None else checks.positive(self, "output_shape", size) for size in sizes)

    def _parse(self) -> re.Match[str]:
        """The equation's parts.

        Raises:
            ArgumentError: it is none, or `bias_axes` speaks of other letters than the output.
        """
        text = self.equation.replace(" ", "") if isinstance(self.equation, str) else ""
        found = _EQUATION.fullmatch(text)
        usable = found is not None and (found[1], found[3]) == (found[5], found[7]) and not (found[1] and found[3])
        if found is None or not usable:
            raise ArgumentError(
                f"{checks.label(self)} cannot read its equation",
                received=f"equation={self.equation!r}",
                hint="'abc,cd->abd' names each axis; '...x,xy->...y' has dots at one end of input and output.",
            )
        lost = set(found[6]) - set(found[2]) - set(found[4])
        alone = set(found[4]) - set(found[2]) - set(found[6])
        if lost or alone:
            raise ArgumentError(
                f"{checks.label(self)} cannot tell the size of axis '{min(lost | alone)}' in its equation",
                received=f"equation={self.equation!r}",
                hint="axes of the output are in the input or the kernel, those of the kernel in the input or output.",
            )
        if self.bias_axes is not None and set(self.bias_axes) - set(found[6]):
            raise ArgumentError(
                f"{checks.label(self)} has a bias for axes that its output does not have",
                received=f"bias_axes={self.bias_axes!r}, equation={self.equation!r}",
                hint=f"the output's axes are '{found[6]}'.",
            )
        return found

    def _terms(self, rank: int) -> _Terms:
        """The equation, letters in place of its dots, for an input of that many axes.

        Raises:
            ShapeError: the equation speaks of another number of axes.
        """
        found = self._parse()
        inputs, kernel, output = found[2], found[4], found[6]
        free = [letter for letter in string.ascii_letters if letter not in self.equation]
        count = rank - len(inputs)
        if count < 0 or (count > 0 and not (found[1] or found[3])):
            raise ShapeError(
                f"{checks.label(self)} takes {len(inputs)} axes, as its equation says",
                received=f"equation={self.equation!r}, an input of {rank} axes",
                hint="the first axis is the batch.",
            )
        dots = "".join(free[:count])
        if found[3]:
            return _Terms(inputs + dots, kernel, output + dots, False)
        return _Terms(dots + inputs, kernel, dots + output, bool(found[1]))

    def _known(self, terms: _Terms, shape: Sequence[Any]) -> dict[str, Any]:
        """Sizes by letter: those of the input, and those that `output_shape` says.

        Raises:
            ShapeError: `output_shape` has too many axes, or contradicts the input.
        """
        sizes = dict(zip(terms.inputs, shape, strict=True))
        given, output = self.partial_output_shape, terms.output
        letters = output[len(output) - len(given) :] if terms.from_right else output[1 : 1 + len(given)]
        if len(letters) != len(given) or (not terms.from_right and len(letters) < len(self._parse()[6]) - 1):
            raise ShapeError(
                f"{checks.label(self)} has an output_shape that does not fit its equation",
                received=f"output_shape={given}, equation={self.equation!r}",
                hint=f"the output has the axes '{self._parse()[6]}'; the batch is left out.",
            )
        for letter, size in zip(letters, given, strict=True):
            before = sizes.get(letter)
            if size is not None and before is not None and differ(before, size):
                raise ShapeError(
                    f"{checks.label(self)} gives axis '{letter}' of its output size {size}, and its input has {before}",
                    received=f"inputs: {tuple(shape)}, output_shape={given}, equation={self.equation!r}",
                    hint="None stands for a size that is the input's.",
                )
            sizes[letter] = size if size is not None else before
        return sizes

    def build(self, input_shape: Any) -> None:
        terms = self._terms(len(input_shape))
        sizes = self._known(terms, input_shape)
        self._channels = {letter: sizes[letter] for letter in terms.kernel if letter in terms.inputs}
        weighted.make(self, "kernel", tuple(sizes[letter] for letter in terms.kernel))
        if self.bias_axes is not None:
            first = min(terms.output.index(letter) for letter in self.bias_axes)
            axes = terms.output[first:]
            weighted.make(self, "bias", tuple(sizes[letter] if letter in self.bias_axes else 1 for letter in axes))

    def check_input(self, inputs: Any, *rest: Any) -> None:
        """Refuse axes and sizes that the equation and the kernel do not fit."""
        x = checks.one_tensor(self, inputs)
        terms = self._terms(x.rank)
        sizes = self._known(terms, x.shape)
        for letter in terms.kernel:
            if letter in terms.inputs:
                wanted = self._channels.get(letter) if self.built else None
                checks.fits(self, x, terms.inputs.index(letter), wanted, f"axis '{letter}' of '{self.equation}'")
        for letter in {*terms.kernel, *(self.bias_axes or "")}:
            if not known(sizes.get(letter)):
                raise ShapeError(
                    f"{checks.label(self)} needs the size of axis '{letter}' of its output",
                    received=f"inputs: {x}, output_shape={self.partial_output_shape}, equation={self.equation!r}",
                    hint="say it in `output_shape`.",
                )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = ops.einsum(self.equation.replace(" ", ""), [checks.as_float(self, inputs), self.kernel])
        if self.bias is not None:
            x = ops.add(x, self.bias)
        return self.activation(x)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {
            **base_config(self),
            "output_shape": self.partial_output_shape,
            "equation": self.equation,
            "activation": activations.serialize(self.activation),
            "bias_axes": self.bias_axes,
            **weighted.config(self, "kernel", "bias"),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "quantization_config": None,
        }
