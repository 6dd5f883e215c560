"""`model.summary()`: the tables that Keras 3.15 prints, character by character."""

from __future__ import annotations

import io
import re
import textwrap
from typing import Any

import numpy as np
import pytest

import kgc
from kgc import Input, Model, Sequential, layers, ops
from kgc.compiler.errors import ArgumentError
from kgc.frontend.show.summary import column_widths, readable_size


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    kgc.utils.clear_session()


def text(model: Any, **options: Any) -> str:
    """What summary prints."""
    found: list[str] = []
    model.summary(print_fn=found.append, **options)
    (printed,) = found
    return "\n".join(line.rstrip() for line in printed.split("\n"))


def cells(model: Any, **options: Any) -> list[list[str]]:
    """The rows of the table below its head; cells that take several lines are joined."""
    rows: list[list[str]] = []
    fresh = True
    for line in text(model, **options).split("\n"):
        if line.startswith("│"):
            parts = [part.strip() for part in line.strip("│").split("│")]
            if fresh:
                rows.append(parts)
            else:
                rows[-1] = [f"{a} {b}".strip() for a, b in zip(rows[-1], parts, strict=True)]
        fresh = not line.startswith("│")
    return rows


def mlp() -> Model:
    inputs = Input((784,))
    hidden = layers.Dense(64)(inputs)
    return Model(inputs, layers.Dense(10)(hidden), name="mnist")


MLP = """\
Model: "mnist"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ input_layer (InputLayer)        │ (None, 784)            │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense (Dense)                   │ (None, 64)             │        50,240 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense_1 (Dense)                 │ (None, 10)             │           650 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 50,890 (198.79 KB)
 Trainable params: 50,890 (198.79 KB)
 Non-trainable params: 0 (0.00 B)
"""

RESIDUAL = """\
Model: "block"
┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)        ┃ Output Shape      ┃    Param # ┃ Connected to      ┃
┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━┩
│ img (InputLayer)    │ (None, 32, 32, 3) │          0 │ -                 │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ conv2d (Conv2D)     │ (None, 30, 30,    │        896 │ img[0][0]         │
│                     │ 32)               │            │                   │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ max_pooling2d       │ (None, 10, 10,    │          0 │ conv2d[0][0]      │
│ (MaxPooling2D)      │ 32)               │            │                   │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ conv2d_1 (Conv2D)   │ (None, 10, 10,    │      9,248 │ max_pooling2d[0]… │
│                     │ 32)               │            │                   │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ add (Add)           │ (None, 10, 10,    │          0 │ conv2d_1[0][0],   │
│                     │ 32)               │            │ max_pooling2d[0]… │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ global_average_poo… │ (None, 32)        │          0 │ add[0][0]         │
│ (GlobalAveragePool… │                   │            │                   │
└─────────────────────┴───────────────────┴────────────┴───────────────────┘
 Total params: 10,144 (39.62 KB)
 Trainable params: 10,144 (39.62 KB)
 Non-trainable params: 0 (0.00 B)
"""

NESTED = """\
Model: "outer"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━┓
┃ Layer (type)                ┃ Output Shape          ┃    Param # ┃ Trai… ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━┩
│ z (InputLayer)              │ (None, 784)           │          0 │   -   │
├─────────────────────────────┼───────────────────────┼────────────┼───────┤
│ mnist (Functional)          │ (None, 10)            │     50,890 │   Y   │
├─────────────────────────────┼───────────────────────┼────────────┼───────┤
│    └ input_layer            │ (None, 784)           │          0 │   -   │
│ (InputLayer)                │                       │            │       │
├─────────────────────────────┼───────────────────────┼────────────┼───────┤
│    └ dense (Dense)          │ (None, 64)            │     50,240 │   N   │
├─────────────────────────────┼───────────────────────┼────────────┼───────┤
│    └ dense_1 (Dense)        │ (None, 10)            │        650 │   Y   │
├─────────────────────────────┼───────────────────────┼────────────┼───────┤
│ dense_2 (Dense)             │ (None, 2)             │         22 │   Y   │
└─────────────────────────────┴───────────────────────┴────────────┴───────┘
 Total params: 50,912 (198.88 KB)
 Trainable params: 672 (2.62 KB)
 Non-trainable params: 50,240 (196.25 KB)
"""


def test_a_chain() -> None:
    assert text(mlp()) == MLP


def test_a_graph_says_what_each_layer_takes() -> None:
    img = Input((32, 32, 3), name="img")
    x = layers.MaxPooling2D(3)(layers.Conv2D(32, 3)(img))
    x = layers.Add()([layers.Conv2D(32, 3, padding="same")(x), x])
    assert text(Model(img, layers.GlobalAveragePooling2D()(x), name="block")) == RESIDUAL


def test_nested_models_and_what_is_trained() -> None:
    inner = mlp()
    inner.layers[1].trainable = False
    z = Input((784,), name="z")
    outer = Model(z, layers.Dense(2)(inner(z)), name="outer")
    assert text(outer, expand_nested=True, show_trainable=True) == NESTED
    assert [row[0] for row in cells(outer)] == ["z (InputLayer)", "mnist (Functional)", "dense_2 (Dense)"]


def test_the_optimizer_counts_once_it_is_built() -> None:
    model = mlp()
    model.compile("adam", "mse")
    assert text(model) == MLP
    model.fit(np.zeros((2, 784)), np.zeros((2, 10)), verbose=0)
    assert text(model).endswith(
        " Total params: 152,672 (596.38 KB)\n Trainable params: 50,890 (198.79 KB)\n"
        " Non-trainable params: 0 (0.00 B)\n Optimizer params: 101,782 (397.59 KB)\n"
    )


def test_a_sequential_model_before_and_after_it_is_built() -> None:
    model = Sequential([layers.Dense(3, name="d"), layers.ReLU(name="r")])
    assert cells(model)[0] == ["d (Dense)", "?", "0 (unbuilt)"]
    model.build((None, 4))
    assert cells(model) == [["d (Dense)", "(None, 3)", "15"], ["r (ReLU)", "(None, 3)", "0"]]
    inputs = Input((4,), name="x")
    outer = Model(inputs, model(inputs))
    assert [row[0] for row in cells(outer, expand_nested=True)] == [
        "x (InputLayer)", "sequential (Sequential)", "└ d (Dense)", "└ r (ReLU)"
    ]  # fmt: skip


def test_a_model_with_a_call_of_its_own() -> None:
    class Own(Model):
        def __init__(self) -> None:
            super().__init__()
            self.d = layers.Dense(3, name="d")

        def call(self, x: Any) -> Any:
            return self.d(x)

    model = Own()
    assert cells(model) == [["d (Dense)", "?", "0 (unbuilt)"]]
    model(np.zeros((2, 4), "float32"))
    assert cells(model) == [["d (Dense)", "(2, 3)", "15"]]


def test_functions_between_layers() -> None:
    q = Input((4,), name="q")
    joined = ops.concatenate([ops.relu(q)[:, :2], q / 2.0, -q], axis=-1)
    assert [row[0] for row in cells(Model(q, joined), line_length=78)] == [
        "q (InputLayer)", "relu (Relu)", "get_item (GetItem)", "true_divide (TrueDivide)", "negative (Negative)",
        "concatenate (Concatenate)",
    ]  # fmt: skip


def test_connections() -> None:
    a, b = Input((3,), name="a"), Input((7, 3), name="b")
    shared = layers.Dense(4, name="s")
    shared(a)
    model = Model([a, b], [shared(a), shared(b), layers.Dense(2, name="d")(a)])
    assert [[row[0], row[1], row[3]] for row in cells(model)] == [
        ["a (InputLayer)", "(None, 3)", "-"],
        ["b (InputLayer)", "(None, 7, 3)", "-"],
        ["s (Dense)", "(None, 7, 4)", "a[0][0], b[0][0]"],
        ["d (Dense)", "(None, 2)", "a[0][0]"],
    ]
    twice = layers.Dense(3, name="t")
    assert cells(Model(a, twice(twice(a))))[1][3] == "a[0][0], t[0][0]"
    assert cells(Model(a, layers.Concatenate(name="p")([a, shared(a)])))[2][3] == "a[0][0], s[3][0]"


def test_several_results() -> None:
    x = Input((6,), name="x")
    parts = ops.split(x, 2, axis=1)
    assert cells(Model(x, layers.Dense(3)(parts[1])))[1][1] == "[(None, 3), (None, 3)]"


def chain() -> Model:
    x = inputs = Input((8,), name="x")
    for name in ("a1", "a2", "b1"):
        x = layers.Dense(4, name=name)(x)
    return Model(inputs, x)


@pytest.mark.parametrize(
    ("layer_range", "names"),
    [(["a1", "a2"], "a1 a2"), (["a2", "b1"], "a2 b1"), (["b.*", "a.*"], "a1 a2 b1"), (("a2", "a2"), "a2")],
)
def test_layer_range(layer_range: Any, names: str) -> None:
    found = cells(chain(), layer_range=layer_range)
    assert [row[0] for row in found] == [f"{name} (Dense)" for name in names.split()]
    assert "Total params: 76" in text(chain(), layer_range=layer_range)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"layer_range": ["a1"]}, "takes layer_range as the names of the first and the last layer"),
        ({"layer_range": "a1"}, "takes layer_range as the names"),
        ({"layer_range": ["zz", "b1"]}, "was given a layer_range that fits no layers"),
        ({"positions": [0.5, 1.0]}, "needs 3 positions here"),
        ({"line_length": 10}, "has no room for its columns"),
        ({"line_length": "wide"}, "takes line_length as an int"),
    ],
)
def test_arguments_that_are_refused(options: dict[str, Any], what: str) -> None:
    with pytest.raises(ArgumentError, match=what) as caught:
        chain().summary(**options)
    assert caught.value.hint


@pytest.mark.parametrize("connected", [False, True])
@pytest.mark.parametrize("trainable", [False, True])
@pytest.mark.parametrize("length", [46, 59, 60, 76, 80, 111])
def test_the_table_is_as_wide_as_asked(length: int, connected: bool, trainable: bool) -> None:
    widths = column_widths(length, None, connected, trainable)
    assert sum(widths) + 3 * len(widths) + 1 == length


@pytest.mark.parametrize(
    ("length", "connected", "trainable", "inner"),
    [  # as measured on Keras
        (40, False, False, [17, 12, 7]),
        (88, False, False, [38, 29, 17]),
        (150, False, False, [66, 51, 29]),
        (80, True, False, [23, 19, 13, 20]),
        (108, True, False, [31, 27, 17, 28]),
        (70, False, True, [27, 21, 11, 6]),
        (100, False, True, [39, 31, 16, 9]),
        (120, True, True, [31, 27, 18, 27, 11]),
    ],
)
def test_widths_are_those_of_keras(length: int, connected: bool, trainable: bool, inner: list[int]) -> None:
    assert [width + 2 for width in column_widths(length, None, connected, trainable)] == inner


@pytest.mark.parametrize(("columns", "wide"), [("60", 56), ("92", 88), ("200", 88)])
def test_the_width_follows_the_terminal(columns: str, wide: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert len(text(mlp()).split("\n")[1]) == wide


def test_a_line_longer_than_the_terminal_is_not_cut() -> None:
    assert len(text(mlp(), line_length=120).split("\n")[1]) == 120


def test_positions() -> None:
    relative = text(mlp(), line_length=78, positions=[0.3, 0.6, 1.0]).split("\n")[1]
    assert [len(part) for part in relative.strip("┏┓").split("┳")] == [22, 21, 31]
    assert (
        text(mlp(), positions=[30, 50, 70]).split("\n")[1]
        == text(mlp(), line_length=70, positions=[30 / 70, 50 / 70, 1.0]).split("\n")[1]
    )


def test_sizes() -> None:
    assert [readable_size(size) for size in (0, 1023, 1024, 220_200, 121_500_000, 5 * 2**30)] == [
        "0.00 B", "1023.00 B", "1.00 KB", "215.04 KB", "115.87 MB", "5.00 GB"
    ]  # fmt: skip
    inputs = Input((8,))
    half = Model(inputs, layers.Dense(3, dtype="float16")(inputs))
    assert "Total params: 27 (54.00 B)" in text(half)


def test_a_pipe_gets_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    mlp().summary()
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\n".join(line.rstrip() for line in printed.split("\n")) == MLP


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    mlp().summary()
    drawn = terminal.getvalue()
    assert "\x1b[1mModel: " in drawn
    assert "(\x1b[94mDense\x1b[0m)" in drawn
    assert "(\x1b[96mNone\x1b[0m, \x1b[32m64\x1b[0m)" in drawn
    plain = re.sub(r"\x1b\[[0-9;]*m", "", drawn)
    assert "\n".join(line.rstrip() for line in plain.split("\n")) == MLP


def test_brackets_in_names_are_no_markup() -> None:
    inputs = Input((3,), name="x[bold]")
    model = Model(inputs, layers.Dense(1, name="d[b]")(inputs), name="[red]m[x]")
    assert text(model).startswith('Model: "[red]m[x]"')
    assert cells(model)[0][0] == "x[bold] (InputLayer)"
    assert cells(model)[1][0] == "d[b] (Dense)"


def test_the_guides_first_table() -> None:
    inputs = Input((784,))
    x = layers.Dense(64, activation="relu")(inputs)
    x = layers.Dense(64, activation="relu")(x)
    model = Model(inputs, layers.Dense(10)(x), name="mnist_model")
    wanted = """\
        Model: "mnist_model"
        ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓
        ┃ Layer (type)                         ┃ Output Shape                ┃         Param # ┃
        ┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩
        │ input_layer (InputLayer)             │ (None, 784)                 │               0 │
        ├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
        │ dense (Dense)                        │ (None, 64)                  │          50,240 │
        ├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
        │ dense_1 (Dense)                      │ (None, 64)                  │           4,160 │
        ├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
        │ dense_2 (Dense)                      │ (None, 10)                  │             650 │
        └──────────────────────────────────────┴─────────────────────────────┴─────────────────┘
         Total params: 55,050 (215.04 KB)
         Trainable params: 55,050 (215.04 KB)
         Non-trainable params: 0 (0.00 B)
    """
    assert text(model, line_length=88).rstrip() == textwrap.dedent(wanted).rstrip()
