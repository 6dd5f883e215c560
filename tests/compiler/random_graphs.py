"""Random well-typed graphs over the whole op table: every op comes in by its samples, on what the graph has already.

`strategies.graphs` chains few ops densely; here a step is any registered op.  For each operand of a sample the graph
gives a value of that type, or gets an input, param or state of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
from hypothesis.strategies import DrawFn

from kgc.compiler.builder import Builder
from kgc.compiler.dims import Dim
from kgc.compiler.errors import KgcError
from kgc.compiler.graph import Graph
from kgc.compiler.ir import Value
from kgc.compiler.location import Location
from kgc.compiler.op import REGISTRY as OPS, Op
from kgc.compiler.printer import symbol_names
from kgc.compiler.types import TensorType, is_float, parse_type

from .ops.calls import Call
from .strategies import STEPS, Pool

FOREIGN = {"extern"}
"""Needs a function of the user's."""
SLOW = {"random_gamma", "random_beta", "random_binomial", "conv_lstm"}
"""Take XLA a second each: for tests that only look at graphs."""
OWN = [name for name in OPS if not name.startswith("lax.") and name not in FOREIGN]
LAX = [name for name in OPS if name.startswith("lax.")]


@dataclass
class Wide(Pool):
    """A pool that takes samples of ops, too."""

    names: dict[str, Dim] = field(default_factory=dict[str, Dim])
    slow: bool = True

    def sample(self) -> Any:
        """Some op by one of its samples."""
        op: Op = OPS[self.draw(st.sampled_from(OWN if self.draw(st.integers(0, 3)) else LAX))]
        if op.name in SLOW and not self.slow:
            raise KgcError("too slow")
        call = Call(op, self.draw(st.sampled_from(op.samples)))
        given = call.at({str(size): self.size(name) for name, size in call.names.items()})
        made = given.op(*given.filled([self.operand(type_) for type_ in given.types()]))
        results = made if isinstance(made, tuple) else (made,)
        if not all(type(value) is Value for value in results):
            raise KgcError("computed at once: no operand is a tensor")
        if self.draw(st.booleans()):  # what grows is kept small
            results = tuple(OPS["tanh"](v) if is_float(v.dtype) and not v.type.weak else v for v in results)
        return results

    def size(self, name: str) -> int | Dim:
        """A size of the sample's as one of the graph's: batches are its batch."""
        if name[0] == "b":
            return self.names["b"]
        return self.names["t"] if self.draw(st.booleans()) else 4

    def operand(self, type_: TensorType) -> Value:
        """A value of that type, of the graph or new."""
        if type_.dtype == "key" and not type_.shape:
            return self.random_key()
        fitting = [value for value in self.values if value.type is type_]
        if fitting and self.draw(st.integers(0, 4)):
            return self.draw(st.sampled_from(fitting))
        name = f"in{len(self.built.inputs) + len(self.built.params) + len(self.built.state)}"
        kinds = [self.built.input, self.built.param, self.built.declare_state]
        declare = (
            kinds[self.draw(st.sampled_from([0, 0, 1, 2]))] if is_float(type_.dtype) and not type_.weak else kinds[0]
        )
        if not type_.is_static:  # an argument must tell the sizes that it has, and params have none
            declare = self.built.input
        value = declare(name, type_)
        self.values.append(value)
        return value


@st.composite
def programs(draw: DrawFn, *, least: int = 2, most: int = 10, slow: bool = True) -> Graph:
    """Graphs over all registered ops: inputs, params, state and assignments, keys, regions, unknown sizes.

    Args:
        least, most: steps, of which each is an op or a few.
        slow: whether with ops that take XLA long to compile.
    """
    names: dict[str, Dim] = {}
    with Builder("main") as built:
        x, y = built.input("x", parse_type("f32[b, 4]", names)), built.input("y", parse_type("f32[b, t, 4]", names))
        w, v = built.param("w", parse_type("f32[4, 4]")), built.param("v", parse_type("f32[4]"))
        s = built.declare_state("s", parse_type("f32[4]"))
        pool = Wide(draw, built, w, v, s, [x, y, v, s], names=names, slow=slow)
        pool.key = built.input("key", parse_type("key[]"))
        for _ in range(draw(st.integers(least, most))):
            built.scope = draw(st.sampled_from(["", "a", "a/b"]))
            built.loc = Location("model.py", draw(st.integers(1, 99)))
            marks = [len(group) for group in (built.nodes, built.inputs, built.params, built.state, pool.values)]
            try:
                made = pool.sample() if draw(st.booleans()) else draw(st.sampled_from(STEPS))(pool)
            except KgcError:  # nothing fits, or sizes cannot
                for group, mark in zip(
                    (built.nodes, built.inputs, built.params, built.state, pool.values), marks, strict=True
                ):
                    del group[mark:]
                continue
            pool.values.extend(made if isinstance(made, tuple) else (made,))
        outputs = draw(st.lists(st.sampled_from(pool.values), min_size=1, max_size=4))
        news: dict[Value, Value] = {}
        for state in built.state:
            fitting = [value for value in pool.values if value.type is state.type]
            if fitting and draw(st.booleans()):
                news[state] = draw(st.sampled_from(fitting))
        return built.finish(outputs, news)


def bound(graph: Graph, sizes: dict[str, int]) -> dict[str, int]:
    """Numbers for the graph's sizes by the names that it is printed with: `sizes` is by kind (b, t, d)."""
    told = {
        str(size) for value in graph.inputs for size in value.type.shape if isinstance(size, Dim) and size.is_symbol
    }
    return {shown: sizes[shown[0]] for name, shown in symbol_names(graph).items() if name in told}
