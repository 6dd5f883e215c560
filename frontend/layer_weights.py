"""The weights of a layer and of the layers in it: lists in Keras's order, values, freezing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..compiler.errors import GraphError, ShapeError
from ..runtime.store import STORE
from .variable import Variable


class LayerWeights:
    """What `Layer` can say and do about its variables."""

    name: str
    built: bool
    _trainable: bool
    _variables: list[Variable]

    def _sublayers(self) -> list[tuple[str, Any]]:
        raise NotImplementedError

    @property
    def _trainable_variables(self) -> list[Variable]:
        """Own variables that were made trainable, frozen or not."""
        return [v for v in self._variables if v.declared_trainable]

    @property
    def _non_trainable_variables(self) -> list[Variable]:
        """Own variables that were made as state."""
        return [v for v in self._variables if not v.declared_trainable]

    @property
    def weights(self) -> list[Variable]:
        """All variables: own trainable, own non-trainable, then those of each sublayer."""
        own = [*self._trainable_variables, *self._non_trainable_variables]
        return _distinct([*own, *(v for _, layer in self._sublayers() for v in layer.weights)])

    @property
    def variables(self) -> list[Variable]:
        """All variables."""
        return self.weights

    @property
    def trainable_weights(self) -> list[Variable]:
        """Variables that training changes."""
        if not self._trainable:
            return []
        own = [v for v in self._trainable_variables if v.trainable]
        return _distinct([*own, *(v for _, layer in self._sublayers() for v in layer.trainable_weights)])

    @property
    def trainable_variables(self) -> list[Variable]:
        """Variables that training changes."""
        return self.trainable_weights

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """Variables that training does not change."""
        trained = {id(v) for v in self.trainable_weights}
        return [v for v in self.weights if id(v) not in trained]

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """Variables that training does not change."""
        return self.non_trainable_weights

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; setting it sets all sublayers too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = bool(value)
        self._trainable = value
        STORE.roles_changed()
        for variable in self._trainable_variables:
            variable.trainable = value
        for _, layer in self._sublayers():
            layer.trainable = value

    def trainable_flags(self) -> tuple[tuple[bool, int], ...]:
        """What a trace of this layer follows besides types: `trainable`, and the revision of its attributes, of this
        layer and of all layers in it."""
        found: dict[int, Any] = {}
        waiting: list[Any] = [self]
        while waiting:
            layer = waiting.pop()
            if id(layer) not in found:
                found[id(layer)] = layer
                waiting.extend(inner for _, inner in layer._sublayers())
        return tuple((layer.trainable, layer._revision) for layer in found.values())

    def get_weights(self) -> list[np.ndarray]:
        """Values of `weights`, as NumPy arrays."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Iterable[Any]) -> None:
        """Set the values of `weights`, in order; nothing changes unless all fit.

        Raises:
            ShapeError: another number of arrays, or a shape that differs.
        """
        given = [np.asarray(value) for value in weights]
        variables = self.weights
        if len(given) != len(variables):
            raise ShapeError(
                f"'{self.name}' has {len(variables)} weights and was given {len(given)}",
                received=str([value.shape for value in given]),
                hint=f"it has {[f'{v.path}: {v.shape}' for v in variables]}.",
            )
        for variable, value in zip(variables, given, strict=True):
            if value.shape != variable.shape:
                raise ShapeError(
                    f"weight '{variable.path}' of '{self.name}' has shape {variable.shape}",
                    received=f"an array of shape {value.shape}",
                    hint=f"in order they are {[f'{v.path}: {v.shape}' for v in variables]}.",
                )
        for variable, value in zip(variables, given, strict=True):
            variable.assign(value)

    def count_params(self) -> int:
        """Number of numbers in all weights.

        Raises:
            GraphError: the layer has no weights yet because it was never called.
        """
        if not self.built and not self.weights:
            raise GraphError(f"'{self.name}' has no weights yet", hint="call it, or `build(input_shape)` it, first.")
        return sum(int(np.prod(variable.shape)) for variable in self.weights)


def _distinct(variables: list[Variable]) -> list[Variable]:
    return list({id(variable): variable for variable in variables}.values())
