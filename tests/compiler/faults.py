"""Wrong passes: each does to a graph what a mistake in a pass would do, and keeps its types.

A row says what is wrong, the graph that shows it, whether in training, the pass behind which it stands, the part of
the message that tells what broke, and the fault: a function of a node that returns what stands in its place, or a
function of the whole graph.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kgc.compiler import rewrite, transform
from kgc.compiler.graph import Graph
from kgc.compiler.ir import Node, Value
from kgc.compiler.op import REGISTRY as OPS
from kgc.compiler.passes.fold_batch_norm import fold_batch_norm
from kgc.compiler.passes.roll_loops import roll_loops
from kgc.compiler.transform import PassResult

from .fault_graphs import (
    ATTENTION,
    BLOCKS,
    CONTROL,
    COUNT,
    DENSE,
    NORMED,
    PARTS,
    PROBABILITIES,
    SQUARE,
    TRAIN,
    TWO,
)


def call(name: str, *args: Any, **attrs: Any) -> Any:
    return OPS[name](*args, **attrs)


def size(value: Value, axis: int) -> Any:
    return call("dim_size", value.shape[axis], dtype="float32")


def at(name: str, change: Callable[..., Any], *, which: int = 0) -> Callable[[Graph], Graph]:
    """A pass that puts `change(node, *operands)` in the place of the which-th node of that op, in regions too."""

    def fault(graph: Graph) -> Graph:
        seen = 0

        def visit(node: Node) -> Any:
            nonlocal seen
            if node.op.name != name:
                return None
            seen += 1
            return change(node, *node.operands) if seen == which + 1 else None

        return rewrite.rebuild(rewrite.map_regions(graph, fault), visit)

    return fault


def other(node: Node, *operands: Any, **attrs: Any) -> Any:
    """The node with other operands or attributes."""
    named = {**dict(zip(node.op.attr_names, node.attrs, strict=True)), **attrs}
    made = dict(zip(node.op.operand_names, operands or node.operands, strict=True))
    return node.op(**made, **named)


def damped(node: Node, x: Any, factor: Callable[[Value], Any]) -> Any:
    return call("multiply", other(node), factor(node.results[0]))


def assigns(change: Callable[..., Any]) -> Callable[[Graph], Graph]:
    return lambda graph: rewrite.replace(graph, assigns=change(graph.assigns))


def constant(graph: Graph) -> Graph:
    """A constant that was computed before something else changed."""
    consts = {value: np.asarray(array * np.float32(1.001)) for value, array in graph.consts.items()}
    return rewrite.replace(graph, consts=consts)


def fresh_state(graph: Graph) -> Graph:
    """What reads a state reads what is assigned to it."""
    new = dict(graph.assigns)
    reads = [node for node in graph.nodes if node.op.name == "add" and node.operands[1] in new]
    early, _ = transform.live(graph.nodes, [new[node.operands[1]] for node in reads])
    late = [node for node in graph.nodes if node not in set(early)]

    def visit(node: Node) -> Any:
        x, s = node.operands if node.op.name == "add" else (None, None)
        return call("add", x, new[s]) if s in new else None

    return rewrite.rebuild(rewrite.replace(graph, nodes=[*early, *late]), visit)


def swapped_params(graph: Graph) -> Graph:
    first, second = (next(p for p in graph.params if p.name == name) for name in ("0.w", "1.w"))
    new = {first: second, second: first}

    def visit(node: Node) -> Any:
        return node.op(*(new.get(o, o) for o in node.operands)) if node.op.name == "matmul" else None

    return rewrite.rebuild(graph, visit)


def wrongly_folded(part: str, change: Callable[[Value], Any]) -> Callable[[Graph], PassResult]:
    """`fold_batch_norm`, with a mistake in one of the parameters that it makes."""

    def fault(graph: Graph) -> PassResult:
        made = fold_batch_norm(graph)
        if made.transform is None:
            return made
        index = next(i for i, name in enumerate(made.transform.output_names) if part in name)
        wrong = made.transform.outputs[index]

        def visit(node: Node) -> Any:
            if node.results[0] is not wrong:
                return None
            return change(other(node))

        return made._replace(transform=rewrite.rebuild(made.transform, visit))

    return fault


def wrong_epsilon(graph: Graph) -> PassResult:
    made = fold_batch_norm(graph)
    if made.transform is None:
        return made
    slip = at("rsqrt", lambda n, x: call("rsqrt", call("add", x, 1e-3)))
    return made._replace(transform=slip(made.transform))


def wrongly_rolled(change: Callable[[Graph], Graph] | None = None, reverse: str = "") -> Callable[[Graph], PassResult]:
    """`roll_loops`, with a mistake in its loop or in what it stacks."""

    def fault(graph: Graph) -> PassResult:
        made = roll_loops(graph)
        if made.transform is None:
            return made
        if change is not None:
            return made._replace(graph=change(made.graph))

        def visit(node: Node) -> Any:
            if node.op.name == "stack" and reverse in node.operands[0][0].name:
                return node.op(node.operands[0][::-1], *node.attrs)
            return None

        return made._replace(transform=rewrite.rebuild(made.transform, visit))

    return fault


def one_less(node: Node, *_: Any) -> Any:
    """A loop that leaves out its last round, and repeats what the one before gave where it is asked for it."""
    short = [x[: COUNT - 1] for x in node.operand("xs")]
    made = node.op(**{**_arguments(node), "xs": short})
    count = len(node.operand("init"))
    return [*made[:count], *(call("concatenate", [y, y[-1:]], axis=0) for y in made[count:])]


def _arguments(node: Node) -> dict[str, Any]:
    return dict(zip(node.op.params, node.op.arguments(node.operands, node.attrs), strict=True))


@dataclass(frozen=True)
class Fault:
    """One wrong pass; it stands in the place of the pass `instead`, or `first` in the pipeline, or `after` another."""

    what: str
    graph: str
    fault: Callable[[Graph], Any]
    breaks: str = "output 0"
    after: str = "eliminate_common"
    training: bool = False
    instead: str = ""
    first: bool = False


def _row(*args: Any, **kwargs: Any) -> Fault:
    return Fault(*args, **kwargs)


KEY = "fold_in"
FAULTS = [
    # What is computed
    _row("the negative side of relu", DENSE, at("relu", lambda n, x: call("absolute", x))),
    _row("operands of a difference swapped", DENSE, at("subtract", lambda n, x, y: call("subtract", y, x))),
    _row("bias dropped", DENSE, at("add", lambda n, x, y: x), first=True),
    _row(
        "product with the transposed kernel",
        DENSE,
        at("matmul", lambda n, x, w: call("matmul", x, call("transpose", w))),
    ),
    _row("stale constant", DENSE, constant, after="fold_constants"),
    _row("only wrong for inputs above 6", DENSE, at("relu6", lambda n, x: call("relu", x)), "output 1"),
    _row(
        "only wrong below zero", DENSE, at("relu6", lambda n, x: call("minimum", call("absolute", x), 6.0)), "output 1"
    ),
    _row(
        "the rough form of gelu",
        DENSE,
        at("gelu", lambda n, x: call("gelu", x, approximate=not n.attrs[0])),
        "output 1",
    ),
    _row(
        "precision lost",
        DENSE,
        at("subtract", lambda n, x, y: other(n, call("cast", call("cast", x, "bfloat16"), "float32"), y)),
    ),
    _row("outputs swapped", DENSE, lambda g: rewrite.replace(g, outputs=g.outputs[::-1])),
    _row("axis of softmax", SQUARE, at("softmax", lambda n, x: call("softmax", x, axis=1))),
    _row("transpose lost", SQUARE, at("transpose", lambda n, x: x)),
    _row("axis of a mean", SQUARE, at("mean", lambda n, x: call("mean", x, axis=2)), "output 1"),
    _row("mean for sum", SQUARE, at("mean", lambda n, x: call("sum", x, axis=1)), "output 1", after="fold_batch_norm"),
    _row(
        "epsilon of a normalization",
        SQUARE,
        at("layer_normalization", lambda n, *_: other(n, epsilon=2e-3)),
        "output 2",
    ),
    _row("mask ignored", SQUARE, at("where", lambda n, m, x, y: x), "output 2"),
    _row(
        "branches of where swapped",
        SQUARE,
        at("where", lambda n, m, x, y: call("where", call("logical_not", m), x, y)),
        "output 2",
    ),
    _row("argmin for argmax", SQUARE, at("argmax", lambda n, x: call("argmin", x, axis=2)), "output 3"),
    _row("slice off by one", PARTS, at("getitem", lambda n, x: x[..., 1:6])),
    _row(
        "order of a concatenation",
        PARTS,
        at("concatenate", lambda n, xs: call("concatenate", xs[::-1], axis=1)),
        "output 1",
        first=True,
    ),
    _row(
        "index off by one",
        PARTS,
        at("take", lambda n, x, i: call("take", x, call("maximum", call("subtract", i, 1), 0), axis=0)),
        "output 2",
    ),
    _row(
        "only wrong for a batch of 1",
        TWO,
        at("sum", lambda n, x: damped(n, x, lambda y: call("minimum", size(y, 0) - 1.0, 1.0))),
        "output 1",
    ),
    _row(
        "only wrong for a batch above 2",
        TWO,
        at("sum", lambda n, x: damped(n, x, lambda y: call("divide", 2.0, call("maximum", size(y, 0), 2.0)))),
        "output 1",
    ),
    _row(
        "only wrong where sizes are equal",
        TWO,
        at(
            "add",
            lambda n, x, y: damped(n, x, lambda z: call("where", call("equal", size(z, 0), size(z, 1)), 2.0, 1.0)),
        ),
    ),
    _row(
        "the mask of attention",
        ATTENTION,
        at("dot_product_attention", lambda n, q, k, v, b, m: other(n, q, k, v, b, None)),
    ),
    _row("the scale of attention", ATTENTION, at("dot_product_attention", lambda n, *_: other(n, scale=0.7))),
    _row("average for maximum", NORMED, at("max_pool", lambda n, x: call("average_pool", x, pool_size=(3, 3)))),
    _row("kernel flipped", NORMED, at("conv", lambda n, x, k: other(n, x, call("flip", k, axis=0))), first=True),
    # Loops and branches
    _row("another function in the body of a loop", CONTROL, at("tanh", lambda n, x: call("sin", x))),
    _row("a loop run backwards", CONTROL, at("scan", lambda n, *_: n.op(**{**_arguments(n), "reverse": True}))),
    _row(
        "branches of cond swapped",
        CONTROL,
        at("cond", lambda n, *_: n.op(**{**_arguments(n), "true": n.attr("false"), "false": n.attr("true")})),
        "output 2",
    ),
    _row("a loop with a round too few", BLOCKS, wrongly_rolled(at("scan", one_less)), instead="roll_loops"),
    _row("params swapped between layers", BLOCKS, swapped_params),
    # Random numbers, state, losses
    _row("another site", TRAIN, at(KEY, lambda n, k, s: call(KEY, k, 3)), training=True),
    _row("two dropouts with one key", TRAIN, at(KEY, lambda n, k, s: call(KEY, k, 1), which=1), training=True),
    _row("rate of dropout", TRAIN, at("dropout", lambda n, *_: other(n, rate=0.3), which=1), training=True),
    _row("dropout taken out of training", TRAIN, at("dropout", lambda n, x, k: x), training=True),
    _row("states swapped", TRAIN, assigns(lambda a: [(a[0][0], a[1][1]), (a[1][0], a[0][1])]), "state ", training=True),
    _row("assignment dropped", TRAIN, assigns(lambda a: a[:1]), "state count", training=True),
    _row("a state read after it is assigned", TRAIN, fresh_state, training=True),
    _row(
        "probabilities taken for logits",
        PROBABILITIES,
        at("sparse_categorical_crossentropy", lambda n, y, x: other(n, from_logits=True)),
        first=True,
    ),
    # Gradients only
    _row(
        "gradient stopped",
        TRAIN,
        at("matmul", lambda n, x, w: call("matmul", x, call("stop_gradient", w))),
        "gradient of w",
        training=True,
    ),
    _row(
        "gradient twice",
        TRAIN,
        at("softmax", lambda n, x: call("subtract", call("multiply", other(n), 2.0), call("stop_gradient", other(n)))),
        "gradient of ",
        training=True,
    ),
    _row(
        "gradient of an input stopped",
        TRAIN,
        at("matmul", lambda n, x, w: call("matmul", call("stop_gradient", x), w)),
        "gradient of x",
        training=True,
    ),
    # Transformed parameters
    _row("epsilon of a folded normalization", NORMED, wrong_epsilon, instead="fold_batch_norm"),
    _row(
        "bias folded wrongly", NORMED, wrongly_folded("bias", lambda v: call("negative", v)), instead="fold_batch_norm"
    ),
    _row(
        "kernel folded a little wrongly",
        NORMED,
        wrongly_folded("kernel", lambda v: call("multiply", v, 1.0001)),
        instead="fold_batch_norm",
    ),
    _row("kernels stacked in the wrong order", BLOCKS, wrongly_rolled(reverse=".w"), instead="roll_loops"),
    _row("states stacked in the wrong order", BLOCKS, wrongly_rolled(reverse=".s"), "state", instead="roll_loops"),
]
