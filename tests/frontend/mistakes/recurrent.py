"""Mistakes with recurrent layers, cells and wrappers."""

from __future__ import annotations

from kgc.compiler.errors import ArgumentError, GraphError, ShapeError

from .mistake import Mistake

CELL = """
        class Cell(layers.Layer):
            state_size = output_size = 4

            def call(self, inputs, states):
                y = ops.tanh(inputs + states[0])
                {}
"""


def cell(returned: str, use: str) -> str:
    """A cell of the user's own that returns this, and a use of it."""
    return CELL.format(returned) + "\n" + "\n".join(f"        {line.strip()}" for line in use.strip().splitlines())


MISTAKES = [
    Mistake(
        "lstm_of_vectors",
        """
        x = keras.Input(shape=(8,))
        y = layers.LSTM(4, name="l")(x)  # <-
        """,
        ShapeError,
        "LSTM 'l' takes 3 axes (batch, time, features)",
        "f32[b, 8]",
        "layers.Reshape",
    ),
    Mistake(
        "lstm_of_a_vector_after_an_lstm",
        """
        x = layers.LSTM(4)(keras.Input(shape=(None, 8)))
        y = layers.LSTM(4, name="l")(x)  # <-
        """,
        ShapeError,
        "LSTM 'l' takes 3 axes",
        "f32[b, 4]",
        "an axis is missing",
    ),
    Mistake(
        "gru_of_unknown_features",
        """
        x = keras.Input(shape=(5, None))
        y = layers.GRU(4, name="g")(x)  # <-
        """,
        ShapeError,
        "GRU 'g' expects the number of features (axis 2) to be known",
        "f32[b, 5, t0]",
        "`Input(shape=…)`",
    ),
    Mistake(
        "lstm_built_for_other_features",
        """
        l = layers.LSTM(4, name="l")
        l(keras.Input(shape=(None, 8)))
        l(keras.Input(shape=(None, 6)))  # <-
        """,
        ShapeError,
        "LSTM 'l' was built for the number of features (axis 2) of size 8",
        "f32[b, t0, 6]",
        "another layer",
    ),
    Mistake(
        "lstm_of_no_units",
        """
        l = layers.LSTM(0)  # <-
        """,
        ArgumentError,
        "takes units as a positive int",
        "units=0",
        "units=32",
    ),
    Mistake(
        "lstm_with_one_initial_state",
        """
        x, h = keras.Input(shape=(None, 8)), keras.Input(shape=(4,))
        y = layers.LSTM(4, name="l")(x, initial_state=[h])  # <-
        """,
        ArgumentError,
        "LSTM 'l' takes 2 initial states",
        "f32[b, 4]",
        "`return_state=True`",
    ),
    Mistake(
        "gru_with_a_state_of_another_size",
        """
        x, h = keras.Input(shape=(None, 8)), keras.Input(shape=(5,))
        y = layers.GRU(4, name="g")(x, initial_state=h)  # <-
        """,
        ShapeError,
        "GRU 'g' takes its initial state 0 as [batch, 4]",
        "f32[b, 5]",
        "the size of the cell's state",
    ),
    Mistake(
        "stateful_without_a_batch_size",
        """
        x = keras.Input(shape=(5, 8))
        y = layers.LSTM(4, stateful=True, name="l")(x)  # <-
        """,
        ShapeError,
        "LSTM 'l' is stateful, and needs a fixed batch size",
        "unknown batch",
        "batch_shape",
    ),
    Mistake(
        "unroll_of_unknown_length",
        """
        x = keras.Input(shape=(None, 8))
        y = layers.SimpleRNN(4, unroll=True, name="s")(x)  # <-
        """,
        ShapeError,
        "SimpleRNN 's' has unroll=True, and the number of steps is unknown",
        "f32[b, t0, 8]",
        "leave `unroll` out",
    ),
    Mistake(
        "mask_of_another_length",
        """
        x, m = keras.Input(shape=(5, 8)), keras.Input(shape=(4,), dtype="bool")
        y = layers.LSTM(4, name="l")(x, mask=m)  # <-
        """,
        ShapeError,
        "LSTM 'l' takes a mask of one truth value for each step: [batch, time]",
        "bool[b, 4]",
        "`ops.any`",
    ),
    Mistake(
        "lstm_on_cudnn",
        """
        l = layers.LSTM(4, use_cudnn=True)  # <-
        """,
        ArgumentError,
        "LSTM does not run on cuDNN",
        "use_cudnn=True",
        '"auto"',
    ),
    Mistake(
        "lstm_with_too_much_dropout",
        """
        l = layers.LSTM(4, dropout=1.5)  # <-
        """,
        ArgumentError,
        "takes dropout as a number from 0 to 1",
        "dropout=1.5",
        "dropout=",
    ),
    Mistake(
        "lstm_with_an_unknown_argument",
        """
        l = layers.LSTM(4, return_sequence=True)  # <-
        """,
        ArgumentError,
        "LSTM() does not have the argument 'return_sequence'",
        "return_sequence=True",
        "return_sequences",
    ),
    Mistake(
        "lstm_with_an_unknown_activation",
        """
        l = layers.LSTM(4, recurrent_activation="sigmod")  # <-
        """,
        ArgumentError,
        "No activation is called 'sigmod'",
        "sigmod",
        "sigmoid",
    ),
    Mistake(
        "rnn_of_a_layer_that_is_no_cell",
        """
        r = layers.RNN(layers.Dense(4))  # <-
        """,
        ArgumentError,
        "takes a cell, and this has no `state_size`",
        "Dense",
        "`call(inputs, states)`",
    ),
    Mistake(
        "cell_that_returns_no_states",
        cell("return y", "x = keras.Input(shape=(None, 4))\ny = layers.RNN(Cell(name='c'), name='r')(x)  # <-"),
        ShapeError,
        "the cell Cell 'c' must return two things",
        "f32[b, 4]",
        "`return output, [output]`",
    ),
    Mistake(
        "cell_whose_state_grows",
        cell(
            "return y, [ops.concatenate([y, y], -1)]",
            "x = keras.Input(shape=(None, 4))\ny = layers.RNN(Cell(), name='r')(x)  # <-",
        ),
        ShapeError,
        "the loop of RNN 'r' carries state 0 as f32[b, 4], and a step makes it f32[b, 8]",
        "f32[b, 8]",
        "keeps its shape",
    ),
    Mistake(
        "cell_with_a_state_too_many",
        cell("return y, [y, y]", "x = keras.Input(shape=(None, 4))\ny = layers.RNN(Cell(), name='r')(x)  # <-"),
        ShapeError,
        "must return 1 state",
        "f32[b, 4], f32[b, 4]",
        "nested as",
    ),
    Mistake(
        "cell_that_adds_a_loss",
        cell(
            "self.add_loss(ops.sum(y)); return y, [y]",
            "x = keras.Input(shape=(None, 4))\ny = layers.RNN(Cell(), name='r')(x)  # <-",
        ),
        GraphError,
        "the loop of RNN 'r' adds a loss in a step",
        "add_loss",
        "outside the loop",
    ),
    Mistake(
        "cell_with_a_moving_average",
        """
        class Cell(layers.Layer):
            state_size = output_size = 4

            def build(self, shape):
                self.n = self.add_weight(shape=(), trainable=False, name="n")

            def call(self, inputs, states):
                self.n.assign_add(1.0)  # <-
                return inputs, [inputs]

        layers.RNN(Cell(name="c"), name="r")(keras.Input(shape=(None, 4)))
        """,
        GraphError,
        "the loop of RNN 'r' assigns the variable 'r/c/n'",
        "f32[]",
        "carry it as a state",
    ),
    Mistake(
        "bidirectional_dense",
        """
        b = layers.Bidirectional(layers.Dense(4))  # <-
        """,
        ArgumentError,
        "Bidirectional takes a recurrent layer",
        "Dense",
        "layers.LSTM(8)",
    ),
    Mistake(
        "bidirectional_mode",
        """
        b = layers.Bidirectional(layers.LSTM(4), merge_mode="mean", name="b")  # <-
        """,
        ArgumentError,
        "Bidirectional 'b' takes merge_mode as one of",
        "merge_mode='mean'",
        "None gives",
    ),
    Mistake(
        "bidirectional_both_forwards",
        """
        b = layers.Bidirectional(layers.LSTM(4), backward_layer=layers.LSTM(4), name="b")  # <-
        """,
        ArgumentError,
        "Bidirectional 'b': the two layers must have opposite go_backwards",
        "go_backwards=False forwards, False backwards",
        "`go_backwards=True`",
    ),
    Mistake(
        "bidirectional_uneven_states",
        """
        x, h = keras.Input(shape=(None, 8)), keras.Input(shape=(4,))
        y = layers.Bidirectional(layers.GRU(4), name="b")(x, initial_state=[h])  # <-
        """,
        ArgumentError,
        "Bidirectional 'b' takes the initial states of both layers",
        "f32[b, 4]",
        "as many for each",
    ),
    Mistake(
        "time_distributed_of_a_number",
        """
        t = layers.TimeDistributed(3)  # <-
        """,
        ArgumentError,
        "takes a layer",
        "layer=3",
        "layers.TimeDistributed(layers.Dense(8))",
    ),
    Mistake(
        "time_distributed_of_vectors",
        """
        x = keras.Input(shape=(8,))
        y = layers.TimeDistributed(layers.Dense(4), name="t")(x)  # <-
        """,
        ShapeError,
        "TimeDistributed 't' takes a sequence for each sample",
        "f32[b, 8]",
        "layers.Reshape",
    ),
    Mistake(
        "conv_lstm_of_images",
        """
        x = keras.Input(shape=(8, 8, 3))
        y = layers.ConvLSTM2D(4, 3, name="c")(x)  # <-
        """,
        ShapeError,
        "ConvLSTM2D 'c' takes 5 axes (batch, time, height, width, channels)",
        "f32[b, 8, 8, 3]",
        "an axis is missing",
    ),
    Mistake(
        "conv_lstm_larger_than_its_images",
        """
        x = keras.Input(shape=(None, 2, 8, 3))
        y = layers.ConvLSTM2D(4, 3, name="c")(x)  # <-
        """,
        ShapeError,
        "ConvLSTM2D 'c' has a kernel that spans 3 on axis 2, which has size 2 only",
        "f32[b, t0, 2, 8, 3]",
        'padding="same"',
    ),
]
