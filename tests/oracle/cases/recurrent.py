"""SimpleRNN, GRU, LSTM, RNN of cells, Bidirectional, TimeDistributed: outputs, states, gradients, masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..case import Scaled, add, case
from ..draws import Draws
from ..probing import as_list, change, linear_loss, offset, one_or_all

Build = Callable[[Any], Any]
X = (3, 5, 4)


def flat(value: Any) -> list[Any]:
    """Outputs and states, nested, as a list."""
    return [leaf for item in as_list(value) for leaf in (flat(item) if isinstance(item, (list, tuple)) else [item])]


def add_sequence(
    name: str,
    build: Build,
    *states: tuple[int, ...],
    x: tuple[int, ...] = X,
    masked: bool = False,
    gradient: bool = True,
    family: str = "recurrent",
) -> None:
    """Register a recurrent layer on a sequence; with initial states of these shapes, or with a mask."""

    def run(keras: Any, draws: Draws) -> dict[str, Any]:
        xs = [draws.uniform(*shape) for shape in (x, *states)]
        mask = [draws.integers(2, *x[:2]).astype(bool)] if masked else []
        values: list[np.ndarray] = []

        def make(batch: int | None, shifted: bool) -> tuple[Any, Any, list[Any]]:
            inputs = [keras.Input(batch_shape=(batch, *value.shape[1:])) for value in xs]
            masks = [keras.Input(batch_shape=(batch, *value.shape[1:]), dtype="bool") for value in mask]
            layer = build(keras)
            offsets = [offset(keras, value.shape) for value in xs] if shifted else []
            first, *rest = [o(i) for o, i in zip(offsets, inputs, strict=True)] if shifted else inputs
            options = {"initial_state": rest} if rest else {}
            options |= {"mask": masks[0]} if masks else {}
            model = keras.Model(one_or_all([*inputs, *masks]), flat(layer(first, **options)))
            if not values:
                values.extend(draws.weights(layer))
            layer.set_weights(values)
            return model, layer, offsets

        model, _, _ = make(None, False)
        outputs = as_list(model(one_or_all([*xs, *mask]), training=False))
        found = {f"output.{i}": y for i, y in enumerate(outputs)}
        if gradient:
            targets = [draws.uniform(*np.shape(y)) for y in outputs]
            model, layer, offsets = make(x[0], True)
            before = [v.numpy() for v in layer.trainable_variables]
            losses = [linear_loss(keras)] * len(targets)
            model.compile(optimizer=keras.optimizers.SGD(learning_rate=1.0), loss=losses)
            history = model.fit(one_or_all([*xs, *mask]), targets, batch_size=x[0], epochs=1, shuffle=False, verbose=0)
            # A sum of terms that cancel, rounded at the scale of the terms.
            scale = sum(float(np.sum(np.abs(np.asarray(y) * c))) for y, c in zip(outputs, targets, strict=True))
            found["loss"] = Scaled(history.history["loss"][0], scale)
            after = [v.numpy() for v in layer.trainable_variables]
            found |= {f"gradient.{i}": change(a, b) for i, (a, b) in enumerate(zip(before, after, strict=True))}
            found |= {f"input_gradient.{i}": -o.offset.numpy() for i, o in enumerate(offsets)}
        return found

    add(f"{family}/{name}", run)


KINDS: dict[str, int] = {"SimpleRNN": 1, "GRU": 1, "LSTM": 2}
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "sequences": {"return_sequences": True},
    "state": {"return_state": True},
    "both": {"return_sequences": True, "return_state": True},
    "backwards": {"go_backwards": True, "return_sequences": True, "return_state": True},
    "no_bias": {"use_bias": False},
    "unroll": {"unroll": True, "return_sequences": True},
    "relu": {"activation": "relu"},
    "softmax": {"activation": "softmax", "return_sequences": True},
    "linear": {"activation": None},
    "zero_output": {"zero_output_for_mask": True, "return_sequences": True},
    "dropout_inference": {"dropout": 0.5, "recurrent_dropout": 0.5, "return_sequences": True},
}


def layer(kind: str, **options: Any) -> Build:
    """A layer of 3 units."""
    return lambda keras: getattr(keras.layers, kind)(3, **options)


for kind, count in KINDS.items():
    low = kind.lower()
    for variant, options in VARIANTS.items():
        add_sequence(f"{low}_{variant}", layer(kind, **options), gradient="dropout" not in options)
    add_sequence(f"{low}_initial", layer(kind, return_sequences=True), *[(3, 3)] * count)
    add_sequence(f"{low}_mask", layer(kind, return_state=True), masked=True)
    add_sequence(f"{low}_mask_sequences", layer(kind, return_sequences=True, return_state=True), masked=True)
    add_sequence(f"{low}_mask_backwards", layer(kind, return_sequences=True, go_backwards=True), masked=True)
    add_sequence(f"{low}_mask_zeros", layer(kind, zero_output_for_mask=True, return_sequences=True), masked=True)
    add_sequence(f"{low}_mask_zeros_last", layer(kind, zero_output_for_mask=True), masked=True)
    add_sequence(f"{low}_mask_initial", layer(kind, return_sequences=True), *[(3, 3)] * count, masked=True)
    add_sequence(
        f"{low}_mask_initial_unrolled",
        layer(kind, return_sequences=True, unroll=True),
        *[(3, 3)] * count,
        masked=True,
    )
    add_sequence(f"{low}_bidirectional", lambda keras, kind=kind: keras.layers.Bidirectional(layer(kind)(keras)))
for kind in ("GRU", "LSTM"):
    add_sequence(f"{kind.lower()}_gates", layer(kind, recurrent_activation="hard_sigmoid", activation="softsign"))
    add_sequence(f"{kind.lower()}_relu_gates", layer(kind, recurrent_activation="relu"))
    add_sequence(f"{kind.lower()}_one_implementation", layer(kind, implementation=1))
for variant in ("plain", "both", "backwards", "no_bias", "unroll", "relu"):
    add_sequence(f"gru_before_{variant}", layer("GRU", reset_after=False, **VARIANTS[variant]))
add_sequence("gru_before_mask", layer("GRU", reset_after=False, return_sequences=True), masked=True)
add_sequence("lstm_no_forget_bias", layer("LSTM", unit_forget_bias=False))


def cells(*kinds: str, **options: Any) -> Build:
    """An RNN of cells of 3, 2, … units."""

    def build(keras: Any) -> Any:
        made = [getattr(keras.layers, f"{kind}Cell")(3 - index) for index, kind in enumerate(kinds)]
        return keras.layers.RNN(made if len(made) > 1 else made[0], **options)

    return build


BOTH = VARIANTS["both"]
for kind in KINDS:
    add_sequence(f"rnn_{kind.lower()}", cells(kind, **BOTH))
add_sequence("rnn_stack", cells("GRU", "LSTM", **BOTH))
add_sequence("rnn_stack_of_three", cells("SimpleRNN", "LSTM", "GRU"))
add_sequence("rnn_stack_backwards", cells("GRU", "LSTM", go_backwards=True, **BOTH))
add_sequence("rnn_stack_unroll", cells("GRU", "LSTM", unroll=True, **BOTH))
add_sequence("rnn_stack_mask", cells("GRU", "LSTM", **BOTH), masked=True)
add_sequence("rnn_stack_mask_backwards", cells("GRU", "LSTM", go_backwards=True, **BOTH), masked=True)
add_sequence("rnn_stack_mask_zeros", cells("GRU", "LSTM", zero_output_for_mask=True, **BOTH), masked=True)


def own(*, initial: bool = False, **options: Any) -> Build:
    """An RNN of a cell of the caller's own, with two states; its output is the first of them, scaled."""

    def build(keras: Any) -> Any:
        class OwnCell(keras.layers.Layer):
            def __init__(self, units: int, **kwargs: Any) -> None:
                super().__init__(**kwargs)
                self.state_size = [units, units]
                self.output_size = units

            def build(self, input_shape: Any) -> None:
                units = self.output_size
                self.kernel = self.add_weight(shape=(input_shape[-1], units), name="kernel")
                self.recurrent = self.add_weight(shape=(units, units), name="recurrent")

            def call(self, inputs: Any, states: Any) -> Any:
                h, total = states
                h = keras.ops.tanh(keras.ops.matmul(inputs, self.kernel) + keras.ops.matmul(h, self.recurrent))
                total = total * 0.5 + h
                return h * total, [h, total]

        if initial:

            def get_initial_state(self: Any, batch_size: Any = None) -> Any:
                return [keras.ops.ones((batch_size, 3)), keras.ops.zeros((batch_size, 3))]

            OwnCell.get_initial_state = get_initial_state
        return keras.layers.RNN(OwnCell(3), **options)

    return build


add_sequence("own", own())
add_sequence("own_both", own(**BOTH))
add_sequence("own_backwards", own(go_backwards=True, **BOTH))
add_sequence("own_unroll", own(unroll=True, **BOTH))
add_sequence("own_unroll_backwards", own(unroll=True, go_backwards=True, **BOTH))
add_sequence("own_initial", own(**BOTH), (3, 3), (3, 3))
add_sequence("own_initial_of_cell", own(initial=True, **BOTH))
add_sequence("own_mask", own(**BOTH), masked=True)
add_sequence("own_mask_zeros", own(zero_output_for_mask=True, **BOTH), masked=True)
add_sequence("own_mask_unroll", own(unroll=True, **BOTH), masked=True)


def both_ways(kind: str = "LSTM", merge_mode: Any = "concat", **options: Any) -> Build:
    """A Bidirectional."""
    return lambda keras: keras.layers.Bidirectional(layer(kind, **options)(keras), merge_mode=merge_mode)


for mode in ("sum", "mul", "concat", "ave", None):
    add_sequence(f"bidirectional_{mode}", both_ways(merge_mode=mode, return_sequences=True))
    add_sequence(f"bidirectional_{mode}_last", both_ways("GRU", mode))
add_sequence("bidirectional_states", both_ways(**BOTH))
add_sequence("bidirectional_states_none", both_ways(merge_mode=None, **BOTH))
add_sequence("bidirectional_initial", both_ways("GRU", **BOTH), (3, 3), (3, 3))
add_sequence("bidirectional_mask", both_ways(**BOTH), masked=True)
add_sequence(
    "bidirectional_of_two",
    lambda keras: keras.layers.Bidirectional(
        keras.layers.LSTM(3, return_sequences=True),
        backward_layer=keras.layers.GRU(2, return_sequences=True, go_backwards=True),
    ),
)
add_sequence("bidirectional_rnn", lambda keras: keras.layers.Bidirectional(cells("GRU", **BOTH)(keras)))


def distributed(inner: Build) -> Build:
    """A TimeDistributed."""
    return lambda keras: keras.layers.TimeDistributed(inner(keras))


add_sequence("distributed_dense", distributed(lambda keras: keras.layers.Dense(3, activation="relu")))
add_sequence("distributed_conv", distributed(lambda keras: keras.layers.Conv2D(3, 2)), x=(2, 3, 5, 4, 2))
add_sequence("distributed_lstm", distributed(layer("LSTM")), x=(2, 3, 4, 5))
add_sequence("distributed_flatten", distributed(lambda keras: keras.layers.Flatten()), x=(2, 3, 4, 5), gradient=False)
add_sequence(
    "distributed_model",
    distributed(lambda keras: keras.Sequential([keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(2)])),
)


@case("recurrent/distributed_norm")
def distributed_norm(keras: Any, draws: Draws) -> dict[str, Any]:
    """Moments are those of a step, and the moving statistics take a step after the other."""
    norm = keras.layers.TimeDistributed(keras.layers.BatchNormalization(momentum=0.6))
    inputs = keras.Input(shape=(4, 3))
    model = keras.Model(inputs, norm(inputs))
    draws.fill(norm)
    x = draws.uniform(6, 4, 3)
    found = {"training": model(x, training=True), "output": model(x)}
    return found | {f"weight.{i}": w for i, w in enumerate(norm.get_weights())}


@case("recurrent/initial_weights")
def initial_weights(keras: Any, draws: Draws) -> dict[str, Any]:
    """Fresh biases, and orthogonal recurrent kernels."""
    found: dict[str, Any] = {}
    for name, kind in (("lstm", "LSTM"), ("gru", "GRU"), ("rnn", "SimpleRNN")):
        made = layer(kind)(keras)
        made(keras.Input(shape=(None, 4)))
        kernel, recurrent, bias = made.get_weights()
        found[f"{name}.bias"] = bias
        found[f"{name}.product"] = np.round(recurrent @ recurrent.T, 4)
        found[f"{name}.shapes"] = np.array([*kernel.shape, *recurrent.shape])
    return found


@case("recurrent/stateful")
def stateful(keras: Any, draws: Draws) -> dict[str, Any]:
    """Each call begins where the last one ended, until the state is reset."""
    found: dict[str, Any] = {}
    xs = [draws.uniform(3, 4, 2), draws.uniform(3, 4, 2)]
    for kind in KINDS:
        made = layer(kind, stateful=True)(keras)
        made.build((3, 4, 2))
        draws.fill(made)
        found |= {f"{kind}.{i}": made(x) for i, x in enumerate(xs)}
        found |= {f"{kind}.state.{i}": state.numpy() for i, state in enumerate(made.states)}
        made.reset_state()
        found[f"{kind}.reset"] = made(xs[1])
        found[f"{kind}.count"] = np.array(len(made.get_weights()))
    return found


@case("recurrent/masked_embedding")
def masked_embedding(keras: Any, draws: Draws) -> dict[str, Any]:
    """A mask from an Embedding passes through a sequence to the next layer, and not past a last output."""
    ids = draws.integers(5, 4, 6)
    inputs = keras.Input(shape=(None,), dtype="int32")
    x = keras.layers.Embedding(5, 4, mask_zero=True)(inputs)
    x = keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True))(x)
    x = keras.layers.TimeDistributed(keras.layers.Dense(4, activation="tanh"))(x)
    sequence = keras.layers.GRU(3, return_sequences=True)(x)
    model = keras.Model(inputs, [sequence, keras.layers.SimpleRNN(2)(sequence)])
    draws.fill(model)
    return {f"output.{i}": y for i, y in enumerate(model(ids))}


@case("recurrent/cells")
def single_cells(keras: Any, draws: Draws) -> dict[str, Any]:
    """One step of each cell."""
    found: dict[str, Any] = {}
    x, h, c = draws.uniform(3, 4), draws.uniform(3, 2), draws.uniform(3, 2)
    for kind, count in KINDS.items():
        cell = getattr(keras.layers, f"{kind}Cell")(2)
        cell.build((3, 4))
        draws.fill(cell)
        output, states = cell(x, [h, c][:count])
        found[f"{kind}.output"] = output
        found |= {f"{kind}.{i}": state for i, state in enumerate(as_list(states))}
    stack = keras.layers.StackedRNNCells([keras.layers.LSTMCell(2), keras.layers.GRUCell(3)])
    stack.build((3, 4))
    draws.fill(stack)
    output, states = stack(x, [[h, c], [draws.uniform(3, 3)]])
    return found | {"stack.output": output} | {f"stack.{i}": s for i, s in enumerate(flat(states))}


@case("recurrent/encoder_decoder")
def encoder_decoder(keras: Any, draws: Draws) -> dict[str, Any]:
    """States of one layer begin the next."""
    source, target = keras.Input(shape=(None, 3)), keras.Input(shape=(None, 2))
    _, h, c = keras.layers.LSTM(4, return_state=True)(source)
    decoded = keras.layers.LSTM(4, return_sequences=True)(target, initial_state=[h, c])
    model = keras.Model([source, target], keras.layers.Dense(2)(decoded))
    draws.fill(model)
    xs = [draws.uniform(3, 5, 3), draws.uniform(3, 4, 2)]
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.1), loss="mse")
    y = draws.uniform(3, 4, 2)
    model.fit(xs, y, batch_size=3, epochs=2, shuffle=False, verbose=0)
    return {"output": model(xs)} | {f"weight.{i}": w for i, w in enumerate(model.get_weights())}
