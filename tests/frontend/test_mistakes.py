"""Mistakes of users, in tables: the kind of error, the user's own line, what was received, and what to do.

The rows stand in `mistakes/`, by topic.
"""

from __future__ import annotations

import gc
import linecache
import re
from collections.abc import Iterator

import numpy as np
import pytest

from kgc.compiler import builder, dims
from kgc.compiler.errors import (
    ArgumentError,
    DataError,
    DTypeError,
    FileFormatError,
    GraphError,
    IRError,
    KgcError,
    ShapeError,
)
from kgc.frontend import trace

from .mistakes import (
    arguments,
    arrays,
    attention,
    calls,
    convolutions,
    data,
    embedding,
    files,
    identifiers,
    layers,
    loops,
    recurrent,
    shapes,
    streams,
    symbolic,
    targets,
    training,
    weights,
    wiring,
)
from .mistakes.mistake import Mistake, run

TOPICS = (
    shapes, arrays, symbolic, layers, calls, wiring, identifiers, arguments, weights, data, targets, loops, training,
    files, streams, convolutions, recurrent, embedding, attention,
)  # fmt: skip
ROWS = [
    pytest.param(row, id=f"{topic.__name__.rpartition('.')[2]}-{row.name}")
    for topic in TOPICS
    for row in topic.MISTAKES
]
BUILTINS = {
    ShapeError: ValueError, DTypeError: TypeError, GraphError: ValueError, ArgumentError: ValueError,
    DataError: ValueError, FileFormatError: ValueError, IRError: ValueError,
}  # fmt: skip


@pytest.fixture(autouse=True)
def forget_files() -> Iterator[None]:
    before = set(linecache.cache)
    yield
    for name in set(linecache.cache) - before:
        del linecache.cache[name]


def failure(row: Mistake) -> KgcError:
    """The error that the row raises."""
    with pytest.raises(KgcError) as caught:
        row.run()
    return caught.value


@pytest.mark.parametrize("row", ROWS)
def test_mistake(row: Mistake) -> None:
    error = failure(row)
    assert row.problems(error) == [], str(error)
    assert isinstance(error, BUILTINS[row.error])
    assert layout(row, error) == str(error)
    names_of_sizes = re.findall(r"\b[btdr]\d{3,}\b", str(error))
    assert names_of_sizes == [], "sizes are named as in a printed graph: b, t0"
    assert (trace.current(), builder.current(), gc.isenabled()) == (None, None, True)


def layout(row: Mistake, error: KgcError) -> str:
    """What, where with the text of the line, received, hint: each on a line of its own."""
    lines = [error.what, f"  {row.file}:{row.line}   {row.text.splitlines()[row.line - 1].strip()}"]
    lines += [f"  Received: {error.received}"] if error.received else []
    lines += [f"  Hint: {error.hint}"] if error.hint else []
    return "\n".join(lines)


def test_table_is_wide() -> None:
    names = [row.values[0].name for row in ROWS]  # pyright: ignore[reportAttributeAccessIssue]
    assert len(names) >= 100
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"error": DTypeError}, "ShapeError, not DTypeError"),
        ({"name": "other"}, None),
        ({"what": "Dense 'tail'"}, "what lacks \"Dense 'tail'\""),
        ({"received": ("f32[b, 9]", "f64")}, "received lacks 'f64'"),
        ({"hint": None}, "hint is there"),
    ],
)
def test_table_can_fail(change: dict[str, object], problem: str | None) -> None:
    row = next(row for row in shapes.MISTAKES if row.name == "dense_built_for_another_size")
    assert row._replace(**change).problems(failure(row._replace(**change))) == ([problem] if problem else [])
    moved = row._replace(source=row.source.replace("# <-", "").replace("head = ", "head = \\\n") + "  # <-")
    assert moved.problems(failure(row)) == [f"{row.file}:3, not {row.file}:{moved.line}"]


def test_sizes_are_named_as_in_a_printed_graph() -> None:
    b, t, u = dims.fresh("b"), dims.fresh("t"), dims.fresh("t")
    error = ShapeError(f"{u} against {t}", received=f"f32[{b}, {t}, {2 * u + 1}], layer '{t}'", hint=f"{u}")
    assert (error.what, error.hint) == ("t0 against t1", "t0")
    assert error.received == f"f32[b, t1, 2*t0 + 1], layer '{t}'"
    assert KgcError(f"{b} and {dims.fresh('b')}").what == "b and b1"


MODEL = """
x = keras.Input(shape=(8,), name="x")
model = keras.Model(x, layers.Dense(3, name="head")(x), name="net")
X, Y = np.ones((6, 8), "float32"), np.ones((6, 3), "float32")
"""
GOOD = """
before = model.get_weights()
model.compile(loss="mse", optimizer="sgd", metrics=["mae"])
history = model.fit(X, Y, epochs=2, verbose=0).history
"""
FAILURES = {
    "loss": 'model.compile(loss=lambda y, p: ops.matmul(y, p), optimizer="sgd")\nmodel.fit(X, Y, verbose=0)',
    "metric": """
model.compile(loss="mse", optimizer="sgd", metrics=[lambda y, p: ops.matmul(y, p)])
model.fit(X, Y, verbose=0)
""",
    "data": 'model.compile(loss="mse", optimizer="sgd")\nmodel.fit(X[:, 1:], Y, verbose=0)',
    "labels": """
model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd")
model.fit(X, np.full(6, 3), verbose=0)
""",
    "metric_name": 'model.compile(loss="mse", optimizer="sgd", metrics=["no such"])',
    "jax_numpy": 'model.compile(loss=lambda y, p: jnp.matmul(y, p), optimizer="sgd")\nmodel.fit(X, Y, verbose=0)',
}


@pytest.mark.parametrize("code", FAILURES.values(), ids=FAILURES)
def test_model_can_be_used_after_a_mistake(code: str) -> None:
    names = run(MODEL, "model.py")
    untouched = names["model"].get_weights()
    with pytest.raises(KgcError):
        run(code, "mistake.py", **names)
    after = run(GOOD, "good.py", **names)
    for a, b in zip(untouched, after["before"], strict=True):
        np.testing.assert_array_equal(a, b)
    assert after["history"]["loss"][1] < after["history"]["loss"][0]
    assert names["model"].predict(names["X"], verbose=0).shape == (6, 3)


def test_same_compile_goes_on_after_wrong_data() -> None:
    names = run(MODEL + 'model.compile(loss="mse", optimizer="sgd", metrics=["accuracy"])', "model.py")
    with pytest.raises(DataError):
        run("model.fit(X, Y[:, :2], verbose=0)", "mistake.py", **names)
    history = run("history = model.fit(X, Y, epochs=2, verbose=0).history", "good.py", **names)["history"]
    assert history["loss"][1] < history["loss"][0]


def test_layer_can_be_called_after_a_wrong_call() -> None:
    code = """
class Two(keras.Layer):
    def build(self, input_shape):
        self.a = self.add_weight(shape=(4,), name="a")
        self.b = self.add_weight(shape=(input_shape[1],), name="b")

    def call(self, x):
        return x * self.b + ops.sum(self.a)

two, head = Two(), layers.Dense(4)
"""
    names = run(code, "layers.py")
    with pytest.raises(ShapeError):
        run("two(keras.Input(shape=(None,)))", "mistake.py", **names)
    with pytest.raises(ShapeError):
        run("head(keras.Input(shape=(None,)))", "mistake.py", **names)
    run("y = head(two(keras.Input(shape=(8,))))", "good.py", **names)
    assert [weight.shape for weight in names["two"].weights] == [(4,), (8,)]
    assert [weight.shape for weight in names["head"].weights] == [(8, 4), (4,)]
