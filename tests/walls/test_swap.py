"""`fit`, `evaluate`, `predict` and `model(x)` run only what the IR says: a change of its text changes all four."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.compiler import pipeline
from kgc.compiler.errors import IRError
from kgc.compiler.graph import Graph
from kgc.compiler.parser import parse
from kgc.compiler.printer import external_constants


def swapped(graph: Graph) -> Graph:
    """The graph of the same text with `tanh` for `relu`."""
    return parse(str(graph).replace("relu(", "tanh("), external_constants(graph))


@pytest.fixture
def swap() -> Iterator[None]:
    pipeline.register("swap", swapped, before="simplify_inference")
    yield
    pipeline.unregister("swap")


def net(activation: str) -> Any:
    inputs = kgc.Input((4,), name="x")
    x = layers.Dense(6, activation=activation, name="hidden")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    model = kgc.Model(inputs, layers.Dense(2, name="head")(x), name="net")
    model.set_weights([np.random.default_rng(1).normal(0.5, 0.2, v.shape) for v in model.weights])
    return model


def four(model: Any, data: Any) -> list[Any]:
    """What the four ways of running a model give, and the weights after training."""
    x, y = data
    found = [np.asarray(model(x)), model.predict(x, verbose=0)]
    model.compile("adam", "mse")
    found.append(model.evaluate(x, y, verbose=0))
    found.append(model.fit(x, y, shuffle=False, verbose=0).history["loss"])
    return [*found, *model.get_weights()]


def test_all_four_follow_the_text(data: Any, request: pytest.FixtureRequest) -> None:
    relu, tanh = four(net("relu"), data), four(net("tanh"), data)
    request.getfixturevalue("swap")
    changed = four(net("relu"), data)
    assert len(changed) == len(tanh)
    for index, (now, wanted) in enumerate(zip(changed, tanh, strict=True)):
        np.testing.assert_array_equal(now, wanted, err_msg=f"result {index}")
    assert all(not np.allclose(a, b) for a, b in zip(relu[:4], changed[:4], strict=True))


def test_a_pass_that_breaks_the_graph_is_named(data: Any) -> None:
    def breaking(graph: Graph) -> Graph:
        return Graph(
            graph.name,
            graph.inputs,
            graph.params,
            graph.state,
            graph.consts,
            graph.nodes[1:],
            graph.outputs,
            graph.assigns,
        )

    pipeline.register("breaking", breaking, before="simplify_inference")
    try:
        with pytest.raises(IRError, match="breaking"):
            net("relu").predict(data[0], verbose=0)
    finally:
        pipeline.unregister("breaking")
