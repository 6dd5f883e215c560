"""What holds for every registered op, tried on its samples.

All samples of an op are compiled as one program: compiling, not running, is what takes time here.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgc.compiler import interpret
from kgc.compiler.equality import difference
from kgc.compiler.graph import Graph
from kgc.compiler.op import REGISTRY, Trait
from kgc.compiler.parser import parse
from kgc.compiler.types import from_aval, is_float
from kgc.compiler.verifier import verify

from .calls import Call, arrays, calls, concrete, numbers, results

quickly = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
"""`jax.jit`, compiling in half the time what runs only once."""

every_op = pytest.mark.parametrize("name", REGISTRY)

STEPS = {"floor", "ceil", "round", "sign", "cast", "floor_divide", "stop_gradient"}
"""Their gradient is 0 by convention, whatever the slope."""


def inputs_of(graph: Graph) -> list[Any]:
    return arrays(concrete(value.type for value in graph.inputs))


@every_op
def test_text_reads_back(name: str) -> None:
    for made in calls(name):
        graph = verify(made.graph())
        again = verify(parse(str(graph)))
        assert difference(graph, again) is None
        assert str(again) == str(graph)
        assert again.digest() == graph.digest()


@every_op
def test_emission_agrees_with_types_and_body(name: str) -> None:
    samples = [(made, made.graph()) for made in calls(name)]
    given = [inputs_of(graph) for _, graph in samples]
    bodies = [made.at(sizes_of(made, graph, inputs)) for (made, graph), inputs in zip(samples, given, strict=True)]

    @quickly
    def both(arrays: list[Any]) -> Any:
        emitted = [interpret.evaluate(graph, x)[0] for (_, graph), x in zip(samples, arrays, strict=True)]
        direct = [results(made.op(*made.filled(x))) for made, x in zip(bodies, arrays, strict=True)]
        return emitted, direct

    for (_, graph), inputs, emitted, direct in zip(samples, given, *both(given), strict=True):
        env: dict[str, Any] = {}
        for value, array in zip((*graph.inputs, *graph.outputs), (*inputs, *emitted), strict=True):
            assert interpret.bind(value.type, array, env)
        for value, left, right in zip(graph.outputs, emitted, direct, strict=True):
            assert value.type.substitute(env) is from_aval(left)
            same(left, right)


def sizes_of(made: Call, graph: Graph, inputs: list[Any]) -> dict[str, Any]:
    """Numbers for the sample's own symbols, of which some may have been unified in the graph."""
    sizes: dict[str, Any] = {}
    for type_, array in zip(made.types(), inputs, strict=False):
        assert interpret.bind(type_, array, sizes)
    env: dict[str, Any] = {}
    for value, array in zip(graph.inputs, inputs, strict=True):
        assert interpret.bind(value.type, array, env)
    return {**env, **sizes}


def same(left: Any, right: Any) -> None:
    """Equal in type, and up to rounding in value."""
    type_ = from_aval(left)
    assert type_ is from_aval(right)
    if type_.dtype == "key":
        left, right = jax.random.key_data(left), jax.random.key_data(right)
    tolerance = 1e-6 if type_.dtype == "float32" else 1e-2 if is_float(type_.dtype) else 0
    np.testing.assert_allclose(
        np.asarray(left, "complex128"), np.asarray(right, "complex128"), rtol=tolerance, atol=tolerance
    )


@every_op
def test_gradient_is_the_numerical_one(name: str) -> None:
    op = REGISTRY[name]
    if name in ("while_loop", "lax.nextafter"):
        pytest.skip("it has no gradient in reverse")
    step = 2e-3
    programs: list[Any] = []
    starts: list[Any] = []
    for made in calls(name):
        graph = made.graph()
        inputs = inputs_of(graph)
        floats = [i for i, value in enumerate(graph.inputs) if is_float(value.type.dtype)]
        outputs = [i for i, value in enumerate(graph.outputs) if is_float(value.type.dtype)]
        if floats and outputs:
            programs.append(differentiated(graph, inputs, floats, outputs, step))
            starts.append([inputs[i] for i in floats])
    if not programs:
        pytest.skip("no sample is floating point")

    def everything(points: list[Any]) -> list[Any]:
        return [run(point) for run, point in zip(programs, points, strict=True)]

    if op.has(Trait.IMPORTED):  # its rule is JAX's own: that our attributes get there is what can fail
        for (gradients, *_), point in zip(jax.eval_shape(everything, starts), starts, strict=True):
            assert [(g.shape, g.dtype) for g in gradients] == [(x.shape, x.dtype) for x in point]
        return
    found = quickly(everything)(starts)
    for (gradients, derivative, slope), point in zip(found, starts, strict=True):
        assert all(np.isfinite(np.asarray(g, "float32")).all() for g in gradients)
        assert all(g.dtype == x.dtype for g, x in zip(gradients, point, strict=True))
        if name in STEPS or op.has(Trait.RANDOM) or any(x.dtype != "float32" for x in point):
            continue
        scale = float(sum(np.abs(np.asarray(g)).sum() for g in gradients))
        assert float(derivative) == pytest.approx(float(slope), rel=1e-2, abs=1e-3 * (1 + scale))


def differentiated(graph: Graph, inputs: list[Any], floats: list[int], outputs: list[int], step: float) -> Any:
    """From floats to the gradient, the derivative along a direction by it, and the same by finite differences."""
    generator = np.random.default_rng(1)
    direction = [np.asarray(generator.choice([-1.0, 1.0], inputs[i].shape)).astype(inputs[i].dtype) for i in floats]

    steps = [np.asarray(step).astype(inputs[i].dtype) for i in floats]

    def total(moved: list[Any]) -> Any:
        given = list(inputs)
        for i, x in zip(floats, moved, strict=True):
            given[i] = x
        out = interpret.evaluate(graph, given)[0]
        # Weights tell the elements apart: a plain sum has no gradient through softmax.
        flat = [out[i].astype("float32").ravel() for i in outputs]
        return sum(jnp.vdot(np.cos(np.arange(x.size)).astype("float32"), x) for x in flat)

    def run(point: list[Any]) -> Any:
        gradients = jax.grad(total)(point)
        derivative = sum(
            jnp.sum(g.astype("float32") * d.astype("float32")) for g, d in zip(gradients, direction, strict=True)
        )
        ends = [jnp.stack([x + small * d, x - small * d]) for x, d, small in zip(point, direction, steps, strict=True)]
        above, below = jax.lax.map(total, ends)
        return gradients, derivative, (above - below) / (2 * step)

    return run


@every_op
def test_is_documented(name: str) -> None:
    text = (REGISTRY[name].__doc__ or "").strip()
    assert text, f"{name} has no docstring"
    if not name.startswith("lax."):
        assert "Shape" in text, f"{name}'s docstring does not say its shape"


@every_op
def test_work_is_counted(name: str) -> None:
    op = REGISTRY[name]
    if op.flops is None:
        assert not (op.has(Trait.CONTRACTS) or op.has(Trait.POOLS) or op.has(Trait.NORMALIZES)) or name.startswith(
            "lax."
        )
        return
    for made in calls(name):
        found = op.flops(*made.at(numbers(made.types())).values)
        assert type(found) is int and found > 0
