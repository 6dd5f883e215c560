"""A verified graph as a function of arrays, compiled for each set of shapes, or taken from the private cache.

Parameters, state and large constants are arguments, never part of the compiled program: it is small, and the arrays
stay where the file has them.
"""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Iterable
from typing import Any

import jax
from jax import core

from ...compiler import dims, interpret, rewrite
from ...compiler.dims import Dim
from ...compiler.errors import ArtifactError, KgcError
from ...compiler.graph import Graph
from ...compiler.printer import INLINE, constant_name
from ...compiler.types import tensor_type
from ..program import feed
from . import compiled

ADDRESS = tensor_type((3,), "uint32")
"""Type of the address of a call's random numbers: seed first."""


class Execution:
    """A graph that can be called.

    Args:
        graph: verified.
        identity: hash of the graph, the constants in its text included.

    Attributes:
        constants: names of the large constants, which `run` takes behind params and state.
        precision: of matrix products (see `jax.default_matmul_precision`), where it is not the process's own.
    """

    def __init__(self, graph: Graph, identity: str, precision: str | None = None) -> None:
        large = [value for value, array in graph.consts.items() if array.size > INLINE]
        self.constants = [constant_name(graph.consts[value]) for value in large]
        small = {value: array for value, array in graph.consts.items() if array.size <= INLINE}
        self.graph = rewrite.replace(graph, params=(*graph.params, *large), consts=small)
        self.identity, self.precision = identity, precision
        self.split = len(graph.params)
        self.jitted = jax.jit(self.run)
        self._compiled: dict[Any, Any] = {}
        self._lock = threading.Lock()

    def renamed(self) -> Execution:
        """The same with unknown sizes under their short names."""
        made = copy.copy(self)
        made.graph = self.graph.substitute(short_names(self.graph.symbols()))
        return made

    def run(self, data: tuple[Any, ...], arrays: tuple[Any, ...], address: Any) -> tuple[list[Any], list[Any]]:
        """Outputs, and the new values of assigned state.

        Args:
            data: the inputs in the graph's order, keys left out.
            arrays: params, then state, then large constants.
            address: uint32[3] where the graph draws random numbers, else None.
        """
        graph = self.graph
        state = self.split + len(graph.state)
        params = (*arrays[: self.split], *arrays[state:])
        return interpret.evaluate(graph, feed(graph, data, address), params, arrays[self.split : state])

    def __call__(self, data: tuple[Any, ...], arrays: tuple[Any, ...], address: Any = None) -> Any:
        """As `run`, compiled."""
        return self.program(data, arrays, address)(data, arrays, address)

    def advanced(self, arrays: tuple[Any, ...], assigned: list[Any]) -> tuple[Any, ...]:
        """The arrays with the new values of assigned state, as a call gave them."""
        changed = list(arrays)
        places = {id(value): self.split + at for at, value in enumerate(self.graph.state)}
        for (target, _), array in zip(self.graph.assigns, assigned, strict=True):
            changed[places[id(target)]] = array
        return tuple(changed)

    def program(self, data: tuple[Any, ...], arrays: tuple[Any, ...], address: Any) -> Any:
        """What computes `run` on data of these shapes: a compiled program, or under somebody's `jax.jit` the trace."""
        if any(isinstance(array, core.Tracer) for array in data):
            return self.jitted
        key = (*[(array.shape, array.dtype) for array in data], *_context())
        found = self._compiled.get(key)
        if found is None:
            with self._lock:
                found = self._compiled[key] = self._compiled.get(key) or self._made(data, arrays, address)
        return found

    def _made(self, data: tuple[Any, ...], arrays: tuple[Any, ...], address: Any) -> Any:
        if jax.config.jax_disable_jit:  # pyright: ignore[reportAttributeAccessIssue]
            return self.run
        avals = jax.tree.map(_aval, (data, arrays, address))
        results = [0] * len(self.graph.outputs), [0] * len(self.graph.assigns)
        try:
            with jax.default_matmul_precision(self.precision) if self.precision else contextlib.nullcontext():
                program = compiled.program(self.identity, self.jitted, avals, results)
        except KgcError:
            raise
        except Exception as error:  # of whatever XLA finds
            reason = f"{type(error).__name__}: {error}".partition("\n")[0][:300]
            raise ArtifactError(f"the program @{self.graph.name} cannot be compiled: {reason}") from error

        def tolerant(*given: Any) -> Any:
            try:
                return program(*given)
            except ValueError:  # arrays that lie on another device than the one it was compiled for
                return self.jitted(*given)

        return tolerant


def short_names(symbols: Iterable[str]) -> dict[str, int | Dim]:
    """`b`, `b1`, `t0`, … for symbols that are numbered throughout the process, in their order."""
    names: dict[str, int | Dim] = {}
    for symbol in symbols:
        count = sum(1 for known in names if known[0] == symbol[0])
        names[symbol] = dims.symbol("b" if symbol[0] == "b" and not count else f"{symbol[0]}{count}")
    return names


def _aval(array: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


def _context() -> tuple[Any, ...]:
    """What of JAX's settings a compiled program depends on and may change between calls."""
    config: Any = jax.config
    return config.jax_default_matmul_precision, config.jax_default_device, config.jax_disable_jit
