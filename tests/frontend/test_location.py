"""The user's own line: in errors, and on the nodes of a graph, however the code came to run."""

from __future__ import annotations

import linecache
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kgc.compiler.errors import KgcError
from kgc.compiler.graph import Graph

from .mistakes.mistake import run

ENVIRONMENT = {**os.environ, "JAX_PLATFORMS": "cpu"}


@pytest.fixture(autouse=True)
def forget_files() -> Iterator[None]:
    before = set(linecache.cache)
    yield
    for name in set(linecache.cache) - before:
        del linecache.cache[name]


def python(*arguments: str, stdin: str = "", cwd: Path | None = None) -> str:
    """What an interpreter of its own prints, its errors with it."""
    done = subprocess.run(
        [sys.executable, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        env=ENVIRONMENT,
        cwd=cwd,
    )
    return done.stdout + done.stderr


def where(source: str, file: str = "model.py", **names: Any) -> tuple[str, int]:
    """File and line of the error that the code raises."""
    with pytest.raises(KgcError) as caught:
        run(source, file, **names)
    found = caught.value.where
    assert found is not None
    return found.file, found.line


def lines(graph: Graph) -> dict[str, int]:
    """Line of each op of a graph, the first of its name."""
    return {node.op.name: node.loc.line for node in reversed(graph.nodes) if node.loc is not None}


# How the code came to run
def test_script(tmp_path: Path) -> None:
    script = tmp_path / "model.py"
    script.write_text("import kgc as keras\n\nx = keras.Input(shape=(8,))\ny = x + keras.Input(shape=(9,))\n")
    assert f"{script}:4   y = x + keras.Input(shape=(9,))\n" in python(str(script))
    assert "model.py:4   y = x + keras.Input(shape=(9,))\n" in python("-m", "model", cwd=tmp_path)


def test_module_of_the_users(tmp_path: Path) -> None:
    # Its name begins as ours does, and it is none of ours.
    (tmp_path / "kgc_models.py").write_text("import kgc\n\ndef make(n):\n    return kgc.layers.Dense(n, name='head')\n")
    (tmp_path / "main.py").write_text("import kgc_models\n\nkgc_models.make(0)\n")
    assert "kgc_models.py:4   return kgc.layers.Dense(n, name='head')\n" in python("main.py", cwd=tmp_path)


def test_exec_without_a_file() -> None:
    with pytest.raises(KgcError) as caught:
        exec("from kgc import layers\n\nlayers.Dense(0)", {"__name__": "__main__"})
    assert "\n  <string>:3\n" in str(caught.value)


def test_repl() -> None:
    said = python("-i", "-q", stdin="import kgc\nx = kgc.Input(shape=(8,))\ny = x + kgc.Input(shape=(9,))\n")
    assert re.search(r"ShapeError: add: .*\n  <(stdin|python-input-\d+)>:1( |\n)", said), said


def test_console() -> None:
    code = """
import code
console = code.InteractiveConsole()
console.push("import kgc")
console.push("def head(x):")
console.push("    return kgc.layers.Dense(0)(x)")
console.push("")
console.push("head(kgc.Input(shape=(8,)))")
"""
    assert re.search(r"ArgumentError: Dense 'dense' takes units.*\n  <console>:2( |\n)", python("-c", code))


def test_notebook() -> None:
    # A cell is compiled under a made-up file name, with its source in `linecache`.
    first, second = (f"/tmp/ipykernel_4711/{number}.py" for number in (1234567890, 2345678901))
    names = run("x = keras.Input(shape=(8,))\ndef block(x):\n    return x + ops.ones((3,))", first)
    with pytest.raises(KgcError) as caught:
        run("y = layers.Dense(4)(x)\nz = block(y)", second, **names)
    assert f"\n  {first}:3   return x + ops.ones((3,))\n" in str(caught.value)
    assert where("y = 1\nz = layers.Dense(0)(x)", second, **names) == (second, 2)


def test_many_lines_of_one_call() -> None:
    code = """
x = keras.Input(shape=(8,))
y = layers.Dense(
    4,
    name="head",
    units_of_another="none",
)
"""
    assert where(code) == ("model.py", 3)


# Where in the code
def test_nearest_function_of_the_users() -> None:
    code = """
def block(x, size):
    return layers.Dense(size)(x)

x = keras.Input(shape=(8,))
block(block(x, 4), 0)
"""
    assert where(code) == ("model.py", 3)


def test_call_of_a_custom_layer() -> None:
    code = """
class Mix(keras.Layer):
    def call(self, x):
        return self.twice(x) + ops.ones((5,))

    def twice(self, x):
        return x * 2

Mix()(keras.Input(shape=(8,)))
"""
    assert where(code) == ("model.py", 4)


def test_call_of_a_layer_in_a_layer_in_a_layer() -> None:
    code = """
class Inner(keras.Layer):
    def __init__(self):
        super().__init__()
        self.head = layers.Dense(4)

    def call(self, x):
        return self.head(x)

class Outer(keras.Layer):
    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def call(self, x):
        return self.inner(x)

outer = Outer()
outer(keras.Input(shape=(8,)))
outer(keras.Input(shape=(9,)))
"""
    assert where(code) == ("model.py", 8)


def test_lambda() -> None:
    code = """
import functools
steps = [layers.Dense(4), layers.Dense(3), lambda x: x + ops.ones((5,))]
x = keras.Input(shape=(8,))
y = functools.reduce(lambda x, layer: layer(x), steps, x)
"""
    assert where(code) == ("model.py", 3)


def test_comprehension() -> None:
    code = """
x = keras.Input(shape=(8,))
heads = [
    layers.Dense(units, name=name)(x)
    for units, name in {"a": 1, "b": 0}.items()
]
"""
    assert where(code) == ("model.py", 4)


def test_jax_numpy_in_a_call() -> None:
    code = """
class Mix(keras.Layer):
    def call(self, x):
        y = jnp.exp(x)
        for k in (8, 3):
            y = jnp.dot(
                y, jnp.ones((k, k)),
            )
        return y

Mix()(keras.Input(shape=(8,)))
"""
    assert where(code) == ("model.py", 6)


# Lines of the nodes, and errors of a graph that is traced later
NETWORK = """
class Block(keras.Layer):
    def __init__(self):
        super().__init__()
        self.inner = layers.Dense(8)

    def call(self, x):
        y = self.inner(x)
        z = ops.tanh(y)
        return jnp.sin(z) if self.mixes else ops.sin(z)

    mixes = False

x = keras.Input(shape=(8,))
y = ops.exp(x)
y = Block()(y)
y = layers.Activation("sigmoid")(y)
y = y / 2
model = keras.Model(x, y)
model.compile(loss="mse", optimizer="sgd")
"""


@pytest.mark.parametrize("mixes", [False, True])
def test_lines_of_nodes(mixes: bool) -> None:
    model = run(NETWORK.replace("mixes = False", f"mixes = {mixes}"), "model.py")["model"]
    wanted = {"exp": 15, "matmul": 8, "add": 8, "tanh": 9, "sin": 10, "sigmoid": 17, "divide": 18}
    if mixes:
        wanted["lax.sin"] = wanted.pop("sin")
    for graph in (model.graph(), model.graph(training=True), model.train_graph()):
        found = lines(graph)
        assert {name: found.get(name) for name in wanted} == wanted
    files = {node.loc.file for node in model.graph().nodes if node.loc is not None}
    assert files == {"model.py"}


def test_nested_model_keeps_the_lines_of_its_layers() -> None:
    code = """
a = keras.Input(shape=(8,))
inner = keras.Model(a, layers.Activation("tanh")(ops.exp(a)))
x = keras.Input(shape=(8,))
outer = keras.Model(x, ops.sin(inner(x)))
"""
    assert lines(run(code, "model.py")["outer"].graph()) == {"exp": 3, "tanh": 3, "sin": 5}


def test_error_of_a_layer_traced_by_fit_stands_at_its_call() -> None:
    code = """
x = keras.Input(shape=(8,))
head = layers.Dense(4)
y = head(
    x
)
model = keras.Model(x, y)
model.compile(loss="mse", optimizer="sgd")
head.bias = keras.Variable(np.zeros(5, "float32"))
model.fit(np.zeros((6, 8)), np.zeros((6, 4)), verbose=0)
"""
    assert where(code) == ("model.py", 4)


def test_error_of_a_sublayer_traced_by_fit_stands_in_the_call() -> None:
    code = """
class Block(keras.Layer):
    def __init__(self):
        super().__init__()
        self.inner = layers.Dense(4)

    def call(self, x):
        return self.inner(x)

block = Block()
x = keras.Input(shape=(8,))
model = keras.Model(x, block(x))
model.compile(loss="mse", optimizer="sgd")
block.inner.kernel = keras.Variable(np.zeros((5, 4), "float32"))
model.fit(np.zeros((6, 8)), np.zeros((6, 4)), verbose=0)
"""
    assert where(code) == ("model.py", 8)


def test_error_in_training_only_stands_in_the_call() -> None:
    code = """
class Noisy(keras.Layer):
    def call(self, x, training=None):
        if training:
            x = x + ops.ones((5,))
        return x

x = keras.Input(shape=(8,))
model = keras.Model(x, Noisy()(x))
model.compile(loss="mse", optimizer="sgd")
model.predict(np.zeros((6, 8)), verbose=0)
model.fit(np.zeros((6, 8)), np.zeros((6, 8)), verbose=0)
"""
    assert where(code) == ("model.py", 5)


def test_error_of_data_stands_at_fit() -> None:
    assert where(NETWORK + "model.fit(np.zeros((6, 7)), np.zeros((6, 8)), verbose=0)") == ("model.py", 21)


def test_array_in_a_custom_layer() -> None:
    code = """
class Mix(keras.Layer):
    def call(self, x):
        return x + ops.ones((5,))

mix = Mix()
mix(np.zeros((2, 8)))
"""
    assert where(code) == ("model.py", 4)
