"""What a trace keeps: variables, assignments in order, scopes, random streams; and how a call is rolled back."""

from __future__ import annotations

import numpy as np
import pytest

import kgc
from kgc import layers
from kgc.compiler.types import parse_type
from kgc.frontend import trace
from kgc.frontend.trace import Trace


def test_assignments_are_sequential() -> None:
    v, w = kgc.Variable(1.0, trainable=False, name="v"), kgc.Variable(2.0, name="w")
    with Trace("t", training=None) as tracing:
        v.assign_add(w.value)
        v.assign(v * 3.0)
        graph = tracing.finish([v.value])
    assert [value.name for value in graph.params] == ["w"] and [value.name for value in graph.state] == ["v"]
    assert [(target.name, value is graph.outputs[0]) for target, value in graph.assigns] == [("v", True)]
    assert float(v.numpy()) == 1.0  # tracing changes nothing


def test_equal_names_are_told_apart() -> None:
    first, second = kgc.Variable(1.0, name="v"), kgc.Variable(2.0, name="v")
    with Trace("t", training=None) as tracing:
        graph = tracing.finish([first + second])
    assert [value.name for value in graph.params] == ["v", "v_1"]
    assert tracing.variables == {"v": first, "v_1": second}


def test_rolling_back_forgets_nodes_state_losses_and_draws() -> None:
    v = kgc.Variable(1.0, trainable=False, name="v")
    with Trace("t", training=True) as tracing:
        x = tracing.builder.input("x", parse_type("f32[2]"))
        mark = tracing.mark()
        tracing.key("s")
        site = tracing.builder.nodes[0].operands[1]
        v.assign(5.0)
        tracing.losses.append(x)
        tracing.roll_back(mark)
        assert not tracing.losses and not tracing.builder.nodes
        tracing.key("s")
        graph = tracing.finish([x])
    assert [node.operands[1] for node in graph.nodes] == [site] and not graph.assigns


def test_streams_do_not_depend_on_counted_names() -> None:
    def streams() -> list[str]:
        found: list[str] = []

        class Notes(layers.Layer):
            def call(self, x: object) -> object:
                tracing = trace.current()
                assert tracing is not None
                found.append(tracing.stream)
                return x

        x = kgc.Input((2,))
        kgc.Model(x, Notes(name="mine")(Notes()(kgc.Sequential([Notes(), Notes()])(Notes()(x)))))
        return found[-5:]

    first = streams()
    assert first == streams() and len(set(first)) == 5 and first[-1] == "mine"


def test_exceptions_leave_no_trace_behind() -> None:
    import gc

    with pytest.raises(RuntimeError), Trace("t", training=None):
        raise RuntimeError
    assert trace.current() is None and gc.isenabled()
    np.testing.assert_array_equal(np.asarray(kgc.ops.relu(np.array([-1.0, 1.0]))), [0.0, 1.0])
