"""A traced program as one straight list of steps, each with the graph's node that it came from.

What a program costs is counted here, on what JAX traced, and not on the graph: gradients, an op's own gradient rule,
recomputation and the optimizer are all in it, op by op, without a rule of ours for any of them.  A step remembers its
node by JAX's name stack, which differentiation keeps:

    @n3            jvp(@n3)            transpose(jvp(@n3))
    predicting     training, forward   training, backward
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from jax.interpreters import partial_eval

from . import attrs
from .graph import Graph
from .ir import Node, Operand, Value

_TAG = re.compile(r"@n(\d+)")
_dead: Any = partial_eval  # whose annotations are in part unknown to pyright
_INLINE = ("jaxpr", "call_jaxpr", "fun_jaxpr")


Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Spec:
    """Shape and dtype of a value, in a program whose sizes are all known."""

    shape: Shape
    dtype: Any

    @property
    def size(self) -> int:
        """How many elements it has."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes; a random key has 8."""
        return self.size * (8 if "key" in str(self.dtype) else int(np.dtype(self.dtype).itemsize))


@dataclass(slots=True)
class Step:
    """One operation of a program.

    Attributes:
        operands: numbers of the values it takes, None for a literal; `operand_specs` has their types.
        node: the graph's node that it came from; None for what the step adds (keys, optimizer).
        backward: whether it belongs to the gradient.
        bodies: what it repeats (a loop), or runs one of (a branch).
        times: how often a loop runs; None where only the data tell.
    """

    primitive: str
    params: Mapping[str, Any]
    operands: tuple[int | None, ...]
    operand_specs: tuple[Spec, ...]
    results: tuple[int, ...]
    result_specs: tuple[Spec, ...]
    node: Node | None
    backward: bool
    bodies: tuple[Block, ...] = ()
    times: int | None = 1


@dataclass(slots=True)
class Block:
    """Steps in the order in which they run; values are numbers."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    specs: dict[int, Spec]
    steps: list[Step] = field(default_factory=list[Step])

    def walk(self, times: int = 1) -> Iterator[tuple[Step, int]]:
        """Every step, those within loops too, and how often it runs; of a branch the longest is taken."""
        for step in self.steps:
            yield step, times
            bodies = step.bodies
            if len(bodies) > 1 and step.primitive == "cond":
                bodies = (max(bodies, key=lambda body: sum(n for _, n in body.walk())),)
            for body in bodies:
                yield from body.walk(times * (step.times or 1))


class _Tagged:
    """An op that says of what it traces which node it is for."""

    def __init__(self, op: Any, tag: str) -> None:
        self._op, self._tag = op, tag

    def run(self, values: Sequence[Any]) -> Any:
        with jax.named_scope(self._tag):
            return self._op.run(values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._op, name)


class Tags:
    """Numbers the nodes of a graph, and of the graphs within it.

    Attributes:
        graph: a copy of the graph whose ops name what they trace.
        nodes: the original's nodes by number.
    """

    def __init__(self, graph: Graph) -> None:
        self.nodes: list[Node] = []
        self.graph = self._copy(graph)

    def _copy(self, graph: Graph) -> Graph:
        new: dict[Value, Value] = {value: value for value in graph.arguments()}

        def operand(item: Operand) -> Operand:
            if type(item) is Value:
                return new[item]
            return tuple([operand(part) for part in item]) if attrs.is_tuple(item) else item

        made: list[Node] = []
        for node in graph.nodes:
            tagged = _Tagged(node.op, f"@n{len(self.nodes)}")
            self.nodes.append(node)
            operands = tuple([operand(item) for item in node.operands])
            static = tuple([self._attr(item) for item in node.attrs])
            copied = Node(tagged, operands, static, tuple([v.type for v in node.results]), node.loc)
            new.update(zip(node.results, copied.results, strict=True))
            made.append(copied)
        outputs = [new[value] for value in graph.outputs]
        assigns = [(target, new[value]) for target, value in graph.assigns]
        return Graph(
            graph.name,
            graph.inputs,
            graph.params,
            graph.state,
            graph.consts,
            made,
            outputs,
            assigns,
            graph.output_names,
        )

    def _attr(self, value: Any) -> Any:
        if attrs.is_tuple(value):
            return tuple([self._attr(item) for item in value])
        return self._copy(value) if isinstance(value, Graph) else value


def flatten(closed: Any, nodes: Sequence[Node] = (), platform: str = "cpu") -> Block:
    """The steps of a traced program; what no output needs is left out.

    Args:
        closed: what `jax.make_jaxpr` gives, all sizes known.
        nodes: those that the tags number; see `Tags`.
        platform: of alternatives for platforms, the one that is taken.
    """
    jaxpr, _ = _dead.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars), instantiate=True)
    return _Flattener(nodes, platform).block(jaxpr, "")


class _Flattener:
    def __init__(self, nodes: Sequence[Node], platform: str) -> None:
        self.nodes, self.platform, self.count = nodes, platform, 0
        self.chosen: dict[int, int] = {}  # by value: the branch that its platform takes

    def block(self, jaxpr: Any, scope: str) -> Block:
        env: dict[Any, int | None] = {}
        made = Block((), (), {})
        made.inputs = tuple([self._new(made, env, var) for var in (*jaxpr.constvars, *jaxpr.invars)])
        self._into(made, jaxpr, env, scope)
        results = [None if hasattr(var, "val") else env[var] for var in jaxpr.outvars]
        made.outputs = tuple([value for value in results if value is not None])
        return made

    def _new(self, block: Block, env: dict[Any, int | None], var: Any) -> int:
        self.count += 1
        env[var] = self.count
        block.specs[self.count] = _spec(var.aval)
        return self.count

    def _into(self, block: Block, jaxpr: Any, env: dict[Any, int | None], outer: str) -> None:
        """Add the steps of a jaxpr whose inputs are in `env`; None stands for a literal."""
        for eqn in jaxpr.eqns:
            own = str(eqn.source_info.name_stack)
            scope = f"{outer}/{own}" if own else outer
            name = eqn.primitive.name
            operands = tuple([None if hasattr(v, "val") else env[v] for v in eqn.invars])
            inner = self._inlined(name, eqn.params, operands)
            if inner is not None:
                body, given = inner
                inside: dict[Any, int | None] = dict(zip(body.invars, given, strict=True))
                for var in body.constvars:
                    self._new(block, inside, var)
                self._into(block, body, inside, scope)
                for var, result in zip(body.outvars, eqn.outvars, strict=True):
                    env[result] = None if hasattr(var, "val") else inside[var]
                continue
            results = tuple([self._new(block, env, var) for var in eqn.outvars])
            if name == "platform_index":
                self.chosen[results[0]] = self._choice(eqn.params["platforms"])
            elif name in ("convert_element_type", "clamp") and any(v in self.chosen for v in operands):
                self.chosen[results[0]] = next(self.chosen[v] for v in operands if v in self.chosen)
            block.steps.append(self._step(eqn, operands, results, scope))

    def _inlined(self, name: str, params: Any, operands: Any) -> tuple[Any, tuple[int | None, ...]] | None:
        """The program that an equation calls, and with what."""
        if name == "cond":
            if operands[0] in self.chosen:
                return params["branches"][self.chosen[operands[0]]].jaxpr, operands[1:]
            return None
        if name in ("scan", "while"):
            return None
        for key in _INLINE:
            body = params.get(key)
            if body is not None:
                body = getattr(body, "jaxpr", body)
                if len(body.invars) == len(operands):
                    return body, operands
        return None

    def _choice(self, platforms: Any) -> int:
        for at, names in enumerate(platforms):
            if names is None or self.platform in names:
                return at
        return len(platforms) - 1

    def _step(self, eqn: Any, operands: Any, results: Any, scope: str) -> Step:
        name, params = eqn.primitive.name, eqn.params
        tags = _TAG.findall(scope)
        node = self.nodes[int(tags[-1])] if tags and int(tags[-1]) < len(self.nodes) else None
        bodies: tuple[Block, ...] = ()
        times: int | None = 1
        if name == "scan":
            bodies, times = (self.block(params["jaxpr"].jaxpr, scope),), int(params["length"])
        elif name == "while":
            jaxprs = [params["cond_jaxpr"].jaxpr, params["body_jaxpr"].jaxpr]
            bodies, times = tuple([self.block(jaxpr, scope) for jaxpr in jaxprs]), _trips(node)
        elif name == "cond":
            bodies = tuple([self.block(branch.jaxpr, scope) for branch in params["branches"]])
        return Step(
            name,
            params,
            operands,
            tuple([_spec(v.aval) for v in eqn.invars]),
            results,
            tuple([_spec(v.aval) for v in eqn.outvars]),
            node,
            "transpose(" in scope,
            bodies,
            times,
        )


def _trips(node: Node | None) -> int | None:
    """How often a `while_loop` runs at most, where its node says it."""
    if node is None or "maximum_iterations" not in node.op.attr_names:
        return None
    found = node.attr("maximum_iterations")
    return found if isinstance(found, int) else None


def _spec(aval: Any) -> Spec:
    return Spec(tuple([int(size) for size in aval.shape]), aval.dtype)
