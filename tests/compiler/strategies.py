"""Random small graphs, arrays for them, and what they compute: shared by the tests of text, passes and pipeline."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
import jax
import numpy as np
from hypothesis.strategies import DrawFn

from kgc.compiler import interpret, printer, transform
from kgc.compiler.builder import Builder
from kgc.compiler.errors import KgcError
from kgc.compiler.graph import Graph
from kgc.compiler.ir import Value
from kgc.compiler.location import Location
from kgc.compiler.op import REGISTRY
from kgc.compiler.parser import parse
from kgc.compiler.transform import PassResult
from kgc.compiler.types import TensorType, is_float, parse_type
from kgc.compiler.verifier import verify

OPS = REGISTRY
BRANCHES = [
    parse(f"graph @{name}(%x: f32[b, 4], %y: f32[b, 4]) -> (f32[b, 4]) {{\n  %0: f32[b, 4] = {op}\n  return %0\n}}")
    for name, op in (("mild", "maximum(%x, %y)"), ("sharp", "sin(%y)"))
]
BODY = parse(
    "graph @body(%c: f32[b], %x: f32[b], %w: f32[]) -> (f32[b], f32[b]) {\n"
    "  %0: f32[b] = multiply(%x, %w)\n  %1: f32[b] = add(%c, %0)\n  %2: f32[b] = tanh(%1)\n  return %2, %0\n}"
)


@dataclass
class Pool:
    """What a graph under construction has so far, and the draws that choose from it."""

    draw: DrawFn
    built: Builder
    w: Value
    v: Value
    s: Value
    values: list[Value] = field(default_factory=list[Value])
    key: Value | None = None
    sites: int = 0

    def pick(self, wanted: Callable[[TensorType], bool]) -> Value:
        """A value of a type that is wanted, or the refusal that ends this step."""
        fitting = [value for value in self.values if wanted(value.type)]
        if not fitting:
            raise KgcError("nothing fits")
        return self.draw(st.sampled_from(fitting))

    def matrix(self) -> Value:
        return self.pick(lambda t: is_float(t.dtype) and t.rank >= 2)

    def float(self) -> Value:
        return self.pick(lambda t: t.dtype == "float32")

    def like(self, other: Value) -> Value:
        return self.pick(lambda t: t is other.type)

    def random_key(self) -> Value:
        """A key with an address of its own; half of the time an address already used."""
        if self.key is None:
            raise KgcError("no key")
        if not self.sites or self.draw(st.booleans()):
            self.sites += 1
        site = self.draw(st.integers(1, self.sites))
        return OPS["fold_in"](self.key, site)


def ends_in_four(type_: TensorType) -> bool:
    """Whether the parameters fit the last axis."""
    return type_.dtype == "float32" and isinstance(type_.shape[-1], int) and type_.shape[-1] == 4


UNARY = ("tanh", "sin", "sigmoid", "relu", "stop_gradient", "absolute", "log_sigmoid", "square", "softsign")


def _unary(pool: Pool) -> Any:
    return OPS[pool.draw(st.sampled_from(UNARY))](pool.float())


def _binary(pool: Pool) -> Any:
    a = pool.float()
    b: Any = pool.draw(st.sampled_from(["like", "any", 0.5, 2, -0.0, 1e-3]))
    b = pool.like(a) if b == "like" else pool.float() if b == "any" else b
    if pool.draw(st.booleans()):
        a, b = b, a
    name = pool.draw(st.sampled_from(["add", "subtract", "multiply", "maximum", "minimum"]))
    return OPS["tanh"](OPS[name](a, b))


def _matmul(pool: Pool) -> Any:
    x = pool.pick(lambda t: t.rank >= 2 and ends_in_four(t))
    return OPS["matmul"](x, pool.w)


def _axis(pool: Pool) -> Any:
    x = pool.matrix()
    axis = pool.draw(st.integers(-x.ndim, x.ndim - 1))
    return OPS[pool.draw(st.sampled_from(["softmax", "log_softmax", "mean", "max", "logsumexp"]))](x, axis=axis)


def _log(pool: Pool) -> Any:
    inner = OPS[pool.draw(st.sampled_from(["softmax", "sigmoid"]))](pool.float())
    return inner, OPS["log"](inner)


def _loss(pool: Pool) -> Any:
    x = pool.pick(lambda t: t.dtype == "float32" and t.rank == 2)
    name = pool.draw(st.sampled_from(["categorical_crossentropy", "binary_crossentropy", "sparse"]))
    target = OPS["sigmoid"](x)
    if name == "binary_crossentropy":
        return OPS[name](target, OPS["sigmoid"](x))
    if name == "sparse":
        return OPS["sparse_categorical_crossentropy"](OPS["argmax"](x, axis=1), OPS["softmax"](x))
    return OPS[name](target, OPS["softmax"](x, axis=-1), axis=1)


def _shape(pool: Pool) -> Any:
    x = pool.matrix()
    return pool.draw(
        st.sampled_from(
            [
                lambda: OPS["reshape"](x, x.shape),
                lambda: OPS["reshape"](x, (-1, 2)),
                lambda: OPS["reshape"](x, (*x.shape[:-1], 2, -1)),
                lambda: OPS["transpose"](x),
                lambda: OPS["transpose"](x, tuple(range(x.ndim))),
                lambda: OPS["expand_dims"](x, 1),
                lambda: OPS["concatenate"]([x, x], axis=-1),
                lambda: OPS["concatenate"]([x]),
                lambda: OPS["stack"]([x, OPS["sin"](x)], axis=1),
                lambda: OPS["split"](x, 2, axis=-1),
                lambda: OPS["moments"](x, (0,)),
                lambda: OPS["broadcast_to"](x, x.shape),
                lambda: OPS["flip"](x, axis=-1),
            ]
        )
    )()


def _getitem(pool: Pool) -> Any:
    x = pool.matrix()
    keys = [(Ellipsis, slice(None, None, -1)), slice(None), (slice(None), None), (Ellipsis, slice(1, 3)), Ellipsis]
    return x[pool.draw(st.sampled_from(keys))]


def _dtype(pool: Pool) -> Any:
    x = pool.float()
    dtype = pool.draw(st.sampled_from(["float32", "int32", "bool"]))
    made = OPS["cast"](OPS["less"](x, 0.1), dtype)
    return OPS["where"](made, x, 0.25) if dtype == "bool" else made


def _random(pool: Pool) -> Any:
    x = pool.float()
    name = pool.draw(st.sampled_from(["dropout", "off", "random_uniform", "random_normal"]))
    if name in ("dropout", "off"):
        rate = pool.draw(st.sampled_from([0.5, 0.25, 0.0]))
        return OPS["dropout"](x, pool.random_key(), rate, training=name != "off")
    return OPS["tanh"](OPS[name](pool.random_key(), x.shape))


def _create(pool: Pool) -> Any:
    x = pool.float()
    made = pool.draw(st.sampled_from(["full", "eye", "const", "big", "batch"]))
    if made == "eye":
        return OPS["multiply"](OPS["eye"](4), 0.5)
    if made == "full":
        return OPS["full"]((4,), 0.5)
    if made == "batch":
        return OPS["multiply"](x, OPS["dim_size"](x.shape[0], dtype="float32")) if x.ndim else x
    count = 4 if made == "const" else 80
    values = np.linspace(-1, 1, count, dtype="float32") * pool.draw(st.sampled_from([1, 0.5]))
    const = pool.built.const(values)
    return OPS["sin"](const), OPS["reshape"](const, (2, -1))


def _control(pool: Pool) -> Any:
    x = pool.pick(lambda t: t.rank == 2 and ends_in_four(t))
    if pool.draw(st.booleans()):
        pred = OPS["less"](OPS["mean"](x), 0.0)
        return OPS["cond"](pred, [x, OPS["tanh"](x)], *BRANCHES)
    slices = OPS["transpose"](x)
    return OPS["scan"](BODY, [OPS["mean"](x, axis=1)], [slices], [OPS["mean"](x)])


def _normalize(pool: Pool) -> Any:
    x = pool.pick(lambda t: t.rank == 2 and ends_in_four(t))
    y = OPS["matmul"](x, pool.w)
    if pool.draw(st.booleans()):
        y = OPS["add"](y, pool.v)
    offset, scale = (pool.draw(st.sampled_from([None, pool.v])) for _ in range(2))
    variance = pool.built.const(np.array([0.5, 1, 2, 3], "float32"))
    return OPS["batch_normalization"](y, pool.s, variance, -1, offset, scale)


STEPS = [_unary, _binary, _matmul, _axis, _log, _loss, _shape, _getitem, _dtype, _random, _create, _control, _normalize]
NAMES = st.text(string.ascii_letters + string.digits + '._/-% "\\@é\n', min_size=1, max_size=6)


@st.composite
def graphs(draw: DrawFn, *, least: int = 1, most: int = 8, strange_names: bool = False, random: bool = False) -> Graph:
    """Graphs over many ops: symbolic batch and time, several outputs, params, state, constants, literals, a key.

    What they compute is bounded by a few units, for inputs that are.  With `random` every second op is a random one.
    """
    name = (lambda usual: draw(NAMES)) if strange_names else (lambda usual: usual)
    with Builder(name("main")) as built:
        x, y = built.input("x", parse_type("f32[b, 4]")), built.input(name("y"), parse_type("f32[b, t, 4]"))
        w, v = (built.param(name(n), parse_type(t)) for n, t in (("w", "f32[4, 4]"), ("v", "f32[4]")))
        s = built.declare_state(name("s"), parse_type("f32[4]"))
        pool = Pool(draw, built, w, v, s, [x, y, v, s])
        if draw(st.booleans()):
            pool.values.append(built.input("z", parse_type("f32[b, 4]")))
        if random or draw(st.booleans()):
            pool.key = built.input("key", parse_type("key[]"))
        for _ in range(draw(st.integers(least, most))):
            built.scope = draw(st.sampled_from(["", "a", "a/b", 'odd "%x" name']))
            built.loc = Location("model.py", draw(st.integers(1, 99)))
            mark = len(built.nodes)
            try:
                made = draw(st.sampled_from([*STEPS, *[_random] * (len(STEPS) if random else 0)]))(pool)
            except KgcError:  # what this step wanted is not there, or sizes cannot fit
                del built.nodes[mark:]
                continue
            pool.values.extend(made if isinstance(made, tuple) else (made,))
        outputs = draw(st.lists(st.sampled_from(pool.values), min_size=1, max_size=3))
        new = draw(st.sampled_from([value for value in pool.values if value.type is s.type]))
        labels = [f"out{i}" for i in range(len(outputs))] if draw(st.booleans()) else []
        return built.finish(outputs, {s: new} if draw(st.booleans()) else {}, labels)


SIZES = {"b": 4, "t": 6, "d": 3, "r": 2}


def concrete(type_: TensorType, sizes: Mapping[str, int] = SIZES) -> TensorType:
    """The type with a number for each symbol, by its first letter."""
    return type_.substitute({name: sizes[name[0]] for name in type_.symbols})


def array(type_: TensorType, rng: np.random.Generator, seed: int = 0) -> Any:
    """An array of that type with numbers of a few units."""
    made = concrete(type_)
    if made.dtype == "key":
        return jax.random.key(seed)
    if is_float(made.dtype):
        return rng.uniform(-1, 1, made.shape).astype(made.dtype)  # type: ignore[arg-type]
    return rng.integers(0, 2, made.shape).astype(made.dtype)  # type: ignore[arg-type]


def arrays(graph: Graph, seed: int = 0) -> dict[str, Any]:
    """An array for each input, param and state, by name; a variance is positive."""
    rng = np.random.default_rng(seed)
    made = {v.name: array(v.type, rng, seed) for v in (*graph.inputs, *graph.params, *graph.state)}
    return {name: np.abs(value) + 0.1 if "var" in name else value for name, value in made.items()}


def run(graph: Graph, given: Mapping[str, Any], made_by: Graph | None = None) -> tuple[list[Any], dict[str, Any]]:
    """Outputs, and assigned state by name; `given` is by name, and `made_by` makes new params of it."""
    known = {**given, **transform.apply(made_by, given)}
    groups = ([known[value.name] for value in group] for group in (graph.inputs, graph.params, graph.state))
    outputs, assigned = interpret.evaluate(graph, *groups)
    return outputs, {target.name: value for (target, _), value in zip(graph.assigns, assigned, strict=True)}


def gradients(graph: Graph, given: Mapping[str, Any]) -> dict[str, Any]:
    """Gradients of a weighted sum of the float outputs, in every float argument, by name."""
    floats = {v.name: given[v.name] for v in (*graph.inputs, *graph.params, *graph.state) if is_float(v.type.dtype)}

    def total(arguments: Mapping[str, Any]) -> Any:
        outputs, assigned = run(graph, {**given, **arguments})
        parts = [out for out in (*outputs, *assigned.values()) if is_float(str(out.dtype))]
        return sum(((i + 1.0) * part.sum() for i, part in enumerate(parts)), jax.numpy.zeros(()))

    return jax.grad(total)(floats)


def close(left: Any, right: Any, tolerance: float = 2e-6) -> None:
    """The arrays agree to `tolerance` of their scale; keys and other dtypes exactly."""
    left, right = np.asarray(left), np.asarray(right)
    assert left.dtype == right.dtype and left.shape == right.shape
    scale = max(1.0, float(np.max(np.abs(left[np.isfinite(left)]), initial=0.0))) if left.dtype.kind == "f" else 1.0
    np.testing.assert_allclose(left, right, rtol=0, atol=tolerance * scale)


def same_numbers(
    old: Graph, new: Graph, made_by: Graph | None = None, *, grads: bool = False, seed: int = 0, tolerance: float = 2e-6
) -> None:
    """Both graphs give the same on random arrays: outputs, assigned state, and gradients if asked."""

    def both(given: Mapping[str, Any]) -> Any:
        slopes = (gradients(old, given), gradients(new, given)) if grads else ({}, {})
        return run(old, given), run(new, given, made_by), slopes

    given = arrays(old, seed)
    (before, state_before), (after, state_after), (left, right) = jax.jit(both)(given)  # one compilation for it all
    for a, b in zip(before, after, strict=True):
        close(a, b, tolerance)
    assert set(state_after) <= set(state_before)
    for name, value in state_before.items():
        close(value, state_after.get(name, given[name]), tolerance)
    for name in left:
        close(left[name], right.get(name, np.zeros_like(left[name])), 10 * tolerance)


def holds(
    function: Callable[[Graph], Any],
    before: str,
    after: str,
    *,
    made_by: str | None = None,
    grads: bool = False,
    tolerance: float = 2e-6,
    at_end: Callable[[Graph], Graph] = lambda graph: graph,
) -> PassResult:
    """The pass turns one text into the other, keeps the numbers, leaves the old graph alone, and is idempotent.

    `at_end` cleans up before the texts are compared.
    """
    old = verify(parse(before))
    locations = printer.text(old, locations=True)
    result = _result(function(old))
    new = verify(at_end(result.graph))
    assert str(new) == after.strip()
    assert printer.text(old, locations=True) == locations
    if str(old) == str(new):
        assert result.graph is old or at_end(result.graph) is not result.graph
    again = _result(function(result.graph))
    assert again.graph is result.graph and again.transform is None
    assert (None if result.transform is None else str(verify(result.transform))) == (made_by and made_by.strip())
    same_numbers(old, new, result.transform, grads=grads, tolerance=tolerance)
    return result


def _result(made: Any) -> PassResult:
    return made if isinstance(made, PassResult) else PassResult(made)
