"""Pictures of models: what stands in the graph, and that Graphviz draws it."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import kgc as keras
from kgc import layers, ops, utils
from kgc.compiler.errors import ArgumentError, GraphError, KgcError
from kgc.frontend.show import dot

SIGNATURES = {
    "png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF", "jpg": b"\xff\xd8\xff", "gif": b"GIF8",
    "dot": b"digraph",
}  # fmt: skip


def boxes(graph: Any) -> dict[str, str]:
    """Nodes' names and the texts in their boxes."""
    found = re.findall(r"^\s*(n\d+) \[label=<(.*)>\];$", graph.to_string(), re.M)
    return {name: " ".join(re.sub(r"<[^>]*>", " ", label).split()) for name, label in found}


def arrows(graph: Any) -> set[tuple[str, str]]:
    """Arrows, by the first word of the boxes' texts."""
    texts = boxes(graph)
    pairs = re.findall(r"^\s*(n\d+) -> (n\d+);$", graph.to_string(), re.M)
    assert len(set(pairs)) == len(pairs)
    return {(texts[a].split()[0], texts[b].split()[0]) for a, b in pairs}


def nested() -> Any:
    utils.clear_session()
    inner_in = keras.Input((4,), name="inner_in")
    inner = keras.Model(inner_in, layers.Dense(4, name="inner_dense")(inner_in), name="inner")
    x = keras.Input((8,), name="x")
    first = layers.Dense(4, activation="relu", name="first")(x)
    total = layers.add([first, inner(first)], name="total")
    last = keras.Sequential([layers.Dense(3, name="s1"), layers.Dense(1, name="s2")], name="seq")
    return keras.Model(x, last(inner(ops.relu(total))), name="outer")


def test_boxes_and_arrows() -> None:
    graph = utils.model_to_dot(nested())
    assert list(boxes(graph).values()) == [
        "x (InputLayer)", "first (Dense)", "inner (Functional)", "total (Add)", "relu (Relu)", "seq (Sequential)",
    ]  # fmt: skip
    assert arrows(graph) == {
        ("x", "first"), ("first", "inner"), ("first", "total"), ("inner", "total"), ("total", "relu"),
        ("relu", "inner"), ("inner", "seq"),
    }  # fmt: skip


def test_nested_models_are_opened() -> None:
    graph = utils.model_to_dot(nested(), expand_nested=True)
    assert arrows(graph) == {
        ("x", "first"), ("first", "inner_in"), ("inner_in", "inner_dense"), ("first", "total"),
        ("inner_dense", "total"), ("total", "relu"), ("relu", "inner_in"), ("inner_dense", "s1"), ("s1", "s2"),
    }  # fmt: skip
    text = graph.to_string()
    assert text.count("subgraph ") == 2 and 'label="inner"' in text and 'label="seq"' in text


def test_models_in_models_in_models() -> None:
    x = keras.Input((4,), name="x")
    deep = keras.Sequential([layers.Dense(4, name="d")], name="deep")
    middle = keras.Sequential([deep, layers.Dense(4, name="e")], name="middle")
    graph = utils.model_to_dot(keras.Model(x, layers.Dense(1, name="f")(middle(x))), expand_nested=True)
    assert arrows(graph) == {("x", "d"), ("d", "e"), ("e", "f")}


def test_several_inputs_and_results_of_a_nested_model() -> None:
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    results = {"s": layers.add([a, b], name="sum"), "t": layers.subtract([a, b], name="difference")}
    inner = keras.Model({"a": a, "b": b}, results, name="inner")
    p, q = keras.Input((2,), name="p"), keras.Input((2,), name="q")
    out = inner({"b": q, "a": p})
    model = keras.Model([p, q], layers.Dense(1, name="head")(out["t"]))
    graph = utils.model_to_dot(model, expand_nested=True, show_shapes=True)
    assert arrows(graph) == {
        ("p", "a"), ("q", "b"), ("a", "sum"), ("b", "sum"), ("a", "difference"), ("b", "difference"),
        ("difference", "head"),
    }  # fmt: skip
    texts = boxes(utils.model_to_dot(model, show_shapes=True)).values()
    assert any("Output shape: s: (None, 2), t: (None, 2)" in text for text in texts)


def test_what_boxes_say() -> None:
    model = keras.Sequential(
        [keras.Input((3,), name="x"), layers.Dense(2, activation="gelu", name="d"), layers.Dropout(0.5, name="o")]
    )
    model.layers[0].trainable = False
    graph = utils.model_to_dot(
        model, show_shapes=True, show_dtype=True, show_layer_activations=True, show_trainable=True
    )
    assert list(boxes(graph).values()) == [
        "d (Dense) Activation: gelu Input shape: (None, 3) Output shape: (None, 2) Output dtype: float32 Non-trainable",
        "o (Dropout) Input shape: (None, 2) Output shape: (None, 2) Output dtype: float32",
    ]
    assert list(boxes(utils.model_to_dot(model, show_layer_names=False)).values()) == ["Dense", "Dropout"]


def test_several_shapes() -> None:
    x, y = keras.Input((2, 3), name="x"), keras.Input((2, 3), name="y")
    model = keras.Model([x, y], ops.split(layers.add([x, y], name="a"), 2, axis=1))
    texts = list(boxes(utils.model_to_dot(model, show_shapes=True)).values())
    assert texts[2] == "a (Add) Input shape: [(None, 2, 3), (None, 2, 3)] Output shape: (None, 2, 3)"
    assert texts[3].endswith("Output shape: [(None, 1, 3), (None, 1, 3)]")


def test_a_model_of_a_class_of_ones_own_is_one_box() -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="own")
            self.dense = layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    model = Own()
    x = keras.Input((3,), name="x")
    outer = keras.Model(x, model(x))
    graph = utils.model_to_dot(outer, expand_nested=True, show_shapes=True)
    assert arrows(graph) == {("x", "own")}
    assert "own (Own) Input shape: (None, 3) Output shape: (None, 2)" in boxes(graph).values()
    assert list(boxes(utils.model_to_dot(model)).values()) == ["own (Own)"]


def test_a_subgraph_is_a_part_of_another() -> None:
    graph = utils.model_to_dot(nested(), subgraph=True)
    assert graph.to_string().startswith("subgraph ")
    with pytest.raises(ArgumentError, match="a part of another"):
        graph.create()


@pytest.mark.parametrize("format", sorted(SIGNATURES))
def test_formats(format: str, tmp_path: Path) -> None:
    path = tmp_path / f"model.{format.upper()}"
    assert utils.plot_model(nested(), path, show_shapes=True, expand_nested=True, dpi=40) is None
    assert path.read_bytes().startswith(SIGNATURES[format])
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_text_is_escaped(tmp_path: Path) -> None:
    names = ["a<b>&amp;", 'q"uote', "pi|pe{}", "back\\slash\\N", "new\nline\x00", "größe 層"]
    x = keras.Input((2,), name="<i>")
    y = x
    for name in names:
        y = layers.Dense(2, name=name)(y)
    inner = keras.Model(x, y, name='in"ner<b>\\N<&')
    z = keras.Input((2,))
    path = tmp_path / 'odd & <name> "é.svg'
    model = keras.Model(z, inner(z), name='mo"del\\')
    utils.plot_model(model, path, show_layer_names=True, expand_nested=True)
    drawn = path.read_text(encoding="utf-8")
    for text in (
        "a&lt;b&gt;&amp;amp;",
        "pi|pe{}",
        "back\\slash\\N",
        "größe 層",
        "in&quot;ner&lt;b&gt;\\N&lt;&amp;",
        "&lt;i&gt;",
        "&lt;b&gt;",
    ):
        assert text in drawn, text


def test_rankdir_and_dpi() -> None:
    text = utils.model_to_dot(nested(), rankdir="LR", dpi=96, splines="line").to_string()
    assert 'rankdir="LR"' in text and 'dpi="96"' in text and 'splines="line"' in text


def test_the_default_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    utils.plot_model(nested(), dpi=30)
    utils.plot_model(nested(), None, dpi=30)
    utils.plot_model(nested(), "bare", dpi=30)
    assert {path.name for path in tmp_path.iterdir()} == {"model.png", "bare"}
    assert (tmp_path / "bare").read_bytes().startswith(SIGNATURES["png"])


def test_a_notebook_gets_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    display = types.SimpleNamespace(Image=lambda filename: ("image", filename), SVG=lambda filename: ("svg", filename))
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(display=display))
    for ending, kind in (("png", "image"), ("svg", "svg")):
        path = str(tmp_path / f"m.{ending}")
        assert utils.plot_model(nested(), path, dpi=30) == (kind, path)
    assert utils.plot_model(nested(), tmp_path / "m.pdf", dpi=30) is None


def test_an_unbuilt_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="not built yet"):
        utils.plot_model(keras.Sequential([layers.Dense(2)]), tmp_path / "m.png")
    assert not list(tmp_path.iterdir())


def test_without_pygraphviz_the_text_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dot.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(KgcError, match="pygraphviz") as caught:
        utils.plot_model(nested(), tmp_path / "m.png")
    assert "pip install pygraphviz" in str(caught.value) and not list(tmp_path.iterdir())
    utils.plot_model(nested(), tmp_path / "m.dot")
    assert (tmp_path / "m.dot").read_text().startswith('digraph "outer"')


def test_when_graphviz_fails_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(KgcError, match="could not draw"):
        dot.draw("digraph { a [label=<<table>>] ", "png")
    with pytest.raises(KgcError, match="could not draw"):
        dot.draw("digraph { a [label=<<b>not closed>]; }", "svg")
