"""Finished computations as graphs: gradients taken inside, rules of their own followed, sizes left open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgc.compiler import interpret
from kgc.compiler.dims import fresh
from kgc.compiler.errors import GraphError
from kgc.compiler.finished import finish
from kgc.compiler.types import tensor_type
from kgc.compiler.verifier import verify

B = fresh("b")
INPUTS = {"x": tensor_type((B, 3), "float32")}
STATE = {"w": tensor_type((3,), "float32")}
RATE = {"rate": tensor_type((), "float32")}


@jax.custom_vjp
def halved(x: Any) -> Any:
    return jnp.sin(x)


halved.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (g * 0.5,))


def descent(inputs: dict[str, Any], values: dict[str, Any]) -> tuple[list[Any], Mapping[str, Any]]:
    def loss(w: Any) -> Any:
        out = jax.nn.relu(halved(inputs["x"] * w[None]))
        return jnp.mean(jax.lax.stop_gradient(out.sum()) + out)

    value, gradient = jax.value_and_grad(loss)(values["w"])
    return [value], {"w": values["w"] - values["rate"] * gradient}


def test_step_with_gradients_inside() -> None:
    graph = verify(finish("step", descent, INPUTS, RATE, STATE, ["loss"]))
    assert graph.output_names == ("loss",) and [target.name for target, _ in graph.assigns] == ["w"]
    assert not {node.op.name for node in graph.nodes} & {"extern", "stop_gradient"}
    w, rate = np.float32([0.1, -0.2, 0.3]), np.float32(0.5)
    for rows in (1, 4):
        x = np.random.default_rng(rows).standard_normal((rows, 3), np.float32)
        (value,), (new,) = interpret.evaluate(graph, [x], [rate], [w])
        wanted, changed = descent({"x": x}, {"w": w, "rate": rate})
        np.testing.assert_allclose(value, wanted[0], rtol=1e-6)
        np.testing.assert_allclose(new, changed["w"], rtol=1e-6)


def test_state_that_stays_is_not_assigned() -> None:
    graph = finish("step", lambda i, v: ([i["x"].sum()], {"w": v["w"]}), INPUTS, {}, STATE, ["loss"])
    assert not graph.assigns and len(graph.state) == 1


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda i, v: ([], {"w": v["w"].astype("float16")}), "new value of 'w'"),
        (lambda i, v: ([], {"w": v["w"] * float(i["x"].sum())}), "values of a tensor"),
    ],
)
def test_refuses(function: Any, says: str) -> None:
    with pytest.raises((GraphError, TypeError, ValueError), match=says):
        finish("step", function, INPUTS, {}, STATE, [])


def test_names_are_apart() -> None:
    with pytest.raises(GraphError, match="share names"):
        finish("step", lambda i, v: ([], {}), INPUTS, {}, {"x": STATE["w"]}, [])
