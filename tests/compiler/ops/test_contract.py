"""What `op` asks of an op, what attributes may be, and how the memo of types tells calls apart."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, strategies as st

from kgc.compiler import builder, interpret, ops  # noqa: F401
from kgc.compiler.attrs import key, normalize
from kgc.compiler.errors import ArgumentError
from kgc.compiler.op import REGISTRY, Op, Tensor, Trait, op
from kgc.compiler.parser import parse
from kgc.compiler.tensor import OPERATORS
from kgc.compiler.types import parse_type


class Color(enum.Enum):
    RED = 1


@pytest.mark.parametrize("traits, samples", [((), [("f32[2]",)]), ((Trait.ELEMENTWISE,), [])])
def test_registration_refuses_what_cannot_be_tested(traits: tuple[Trait, ...], samples: list[Any]) -> None:
    with pytest.raises(ArgumentError, match="without traits and samples"):
        op(*traits, samples=samples, name="half_an_op")(lambda x: x)
    assert "half_an_op" not in REGISTRY
    assert "half_an_op" not in OPERATORS


def test_registration_refuses_a_name_twice() -> None:
    before = REGISTRY["add"]
    with pytest.raises(ArgumentError, match="an op 'add' exists"):

        @op(Trait.ELEMENTWISE, samples=[("f32[2]",)])
        def add(x: Tensor) -> Tensor:
            return x

    assert REGISTRY["add"] is before


REFUSED = [
    np.ones(2),
    jnp.ones(2),
    len,
    Color.RED,
    {1, 2},
    frozenset({1}),
    b"ab",
    1j,
    object(),
    (1, [2, {3}]),
    slice(np.ones(1)),
]


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: type(value).__name__)
def test_attributes_are_a_closed_set(value: Any) -> None:
    with pytest.raises(ArgumentError, match="attributes of an op are static"):
        normalize(value, "transpose", "axes")
    with pytest.raises(ArgumentError):
        REGISTRY["transpose"](np.ones((2, 2)), value)


def test_attributes_are_normalised() -> None:
    given = [
        1,
        [2.5, np.int64(3)],
        (None, ...),
        np.float32(0.5),
        np.bool_(True),
        np.dtype("int32"),
        jnp.bfloat16,
        slice(1, None),
    ]
    assert normalize(given, "op", "x") == (1, (2.5, 3), (None, ...), 0.5, True, "int32", "bfloat16", slice(1, None))
    assert [type(x) for x in normalize(given, "op", "x")[3:5]] == [float, bool]


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(...)
values = st.recursive(
    scalars | st.builds(slice, st.none() | st.integers(), st.none() | st.integers(), st.none() | st.integers()),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def marked() -> Iterator[Op]:
    """An op with an attribute that may be anything, known for the time of this file."""

    @op(Trait.ELEMENTWISE, samples=[("f32[2]",)], name="test.marked")
    def body(x: Tensor, mark: Any = None) -> Tensor:
        return x

    yield body
    del REGISTRY["test.marked"], OPERATORS["test.marked"]


@given(value=values)
def test_attributes_read_back_from_text(marked: Op, value: Any) -> None:
    with builder.Builder("g") as made:
        graph = made.finish([marked(made.input("x", parse_type("f32[2]")), value)])
    again = parse(str(graph))
    assert key(again.nodes[0].attrs) == key(graph.nodes[0].attrs) == key((value,))
    assert again == graph
    assert again.digest() == graph.digest()


@given(values, values)
def test_memo_keys_are_equal_only_for_equal_attributes(left: Any, right: Any) -> None:
    assert (key(left) == key(right)) == (repr(left) == repr(right))
    assert hash(key(left)) == hash(key(left))


def test_memo_tells_one_from_true_and_from_a_float() -> None:
    with builder.Builder("g"):
        made = [
            REGISTRY["full"]((2,), fill, dtype=dtype)
            for fill, dtype in ((1, "int32"), (1.0, "float32"), (True, "bool"))
        ]
        parts = [REGISTRY["clip"](made[0], low, high) for low, high in ((0, 1), (0.0, 1.0), (False, True))]
    assert [str(x.type) for x in made] == ["i32[2]", "f32[2]", "bool[2]"]
    assert [str(x.type) for x in parts] == ["i32[2]", "~f32[2]", "i32[2]"]
    assert len({key(v) for v in (1, 1.0, True, -0.0, 0.0, 0, False)}) == 7


def test_literals_stay_weak() -> None:
    with builder.Builder("g") as made:
        x = made.input("x", parse_type("bf16[b, 2]"))
        graph = made.finish([REGISTRY["relu"](x * 2.0 + 1)])
    assert "multiply(%x, 2.0)" in str(graph)
    assert str(graph.outputs[0].type).startswith("bf16")
    again = parse(str(graph))
    assert again == graph
    for each in (graph, again):
        (out,), _ = interpret.evaluate(each, [jnp.ones((3, 2), "bfloat16")])
        assert out.dtype == jnp.bfloat16


def test_eager_calls_take_what_recorded_calls_take() -> None:
    reshape = REGISTRY["reshape"]
    assert reshape(np.ones((2, 6)), [np.int64(3), 4]).shape == (3, 4)
    assert REGISTRY["cast"]([1.5, 2.5], np.int32).dtype == jnp.int32
    assert REGISTRY["full"]((2,), 1.0, jnp.bfloat16).dtype == jnp.bfloat16
    with pytest.raises(ArgumentError, match="out of range"):
        REGISTRY["softmax"](np.ones((2, 3)), axis=2)


@pytest.mark.parametrize(
    "name, args", [("split", (np.ones(4, "float32"), 1)), ("moments", (np.ones((2, 3), "float32"), 0))]
)
def test_ops_of_several_results_give_tuples(name: str, args: tuple[Any, ...]) -> None:
    eager = REGISTRY[name](*args)
    assert isinstance(eager, tuple)
    with builder.Builder("g") as made:
        x = made.input("x", parse_type(f"f32{list(args[0].shape)}"))
        recorded = REGISTRY[name](x, *args[1:])
    assert isinstance(recorded, tuple)
    assert len(recorded) == len(eager)


def test_ops_run_under_jit() -> None:
    doubled = jax.jit(lambda x: REGISTRY["add"](x, x))(jnp.ones(3))
    np.testing.assert_array_equal(doubled, 2 * np.ones(3))
