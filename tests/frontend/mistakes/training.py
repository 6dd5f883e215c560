"""compile, and mistakes that show only when fit or evaluate trace the model with its loss and metrics."""

from __future__ import annotations

from kgc.compiler.errors import ArgumentError, DTypeError, GraphError, ShapeError

from .mistake import Mistake
from .models import ONE, TWO

BARE = """
x = keras.Input(shape=(8,), name="x")
model = keras.Model(x, layers.Dense(3, name="head")(x), name="net")
X, Y = np.zeros((6, 8), "float32"), np.zeros((6, 3), "float32")
"""

MISTAKES = [
    Mistake(
        "memory_limit_without_unit",
        BARE + """model.compile(loss="mse", memory_limit="2")  # <-""",
        ArgumentError,
        "compile() takes memory_limit as a text such as '2GB', or as a number of bytes",
        "memory_limit='2'",
        "units are KB, MB, GB, TB",
    ),
    Mistake(
        "memory_limit_of_ops_one_by_one",
        BARE + """model.compile(loss="mse", memory_limit="2GB", run_eagerly=True)  # <-""",
        ArgumentError,
        "compile() takes memory_limit for steps that are one program, and here their ops run one by one",
        "run_eagerly=True",
        "leave memory_limit out",
    ),
    Mistake(
        "memory_limit_that_nothing_meets",
        BARE + """model.compile(loss="mse", memory_limit="100 B")\nmodel.fit(X, Y, verbose=0)  # <-""",
        ArgumentError,
        "a training step on float32[6, 8], float32[6, 3] does not fit into memory_limit=100 B",
        "parameters, optimizer and data alone: ",
        "a larger limit",
    ),
    Mistake(
        "fit_before_compile",
        BARE + "model.fit(X, Y, verbose=0)  # <-",
        GraphError,
        "model 'net' must be compiled before fit()",
        None,
        "model.compile(loss=…, optimizer=…)",
    ),
    Mistake(
        "evaluate_before_compile",
        BARE + "model.evaluate(X, Y, verbose=0)  # <-",
        GraphError,
        "model 'net' must be compiled before evaluate()",
        None,
        "model.compile(loss=…, optimizer=…)",
    ),
    Mistake(
        "train_on_batch_before_compile",
        BARE + "model.train_on_batch(X, Y)  # <-",
        GraphError,
        "model 'net' must be compiled before train_on_batch()",
        None,
        "model.compile(loss=…, optimizer=…)",
    ),
    Mistake(
        "no_loss",
        BARE + """model.compile(optimizer="sgd")\nmodel.fit(X, Y, verbose=0)  # <-""",
        GraphError,
        "model 'net' has no loss to minimise",
        "loss=None",
        "compile(loss=…)",
    ),
    Mistake(
        "too_many_losses",
        BARE + """model.compile(loss=["mse", "mae"])  # <-""",
        ArgumentError,
        "compile() was given loss for 2 outputs, and the model has 1",
        "loss=['mse', 'mae']",
        "one for each output",
    ),
    Mistake(
        "loss_of_no_output",
        TWO + """model.compile(loss={"left": "mse", "rihgt": "mse"})  # <-""",
        ArgumentError,
        "compile() was given loss for 'rihgt', which is no output of the model",
        "'left', 'rihgt'",
        "left, right",
    ),
    Mistake(
        "loss_weight_of_no_output",
        TWO + """model.compile(loss="mse", loss_weights={"up": 1.0})  # <-""",
        ArgumentError,
        "compile() was given loss_weights for 'up'",
        "'up'",
        "left, right",
    ),
    Mistake(
        "loss_weight_as_text",
        TWO + """model.compile(loss="mse", loss_weights=["a", 1.0])  # <-""",
        ArgumentError,
        "a loss weight is a number",
        "'a'",
        "",
    ),
    Mistake(
        "metrics_as_a_name",
        BARE + """model.compile(loss="mse", metrics="mae")  # <-""",
        ArgumentError,
        "compile() takes metrics as a list or a dict by output",
        "metrics='mae'",
        "metrics=[…]",
    ),
    Mistake(
        "too_few_lists_of_metrics",
        TWO + """model.compile(loss="mse", metrics=[["mae"]])  # <-""",
        ArgumentError,
        "compile() was given metrics for 1 outputs, and the model has 2",
        "[['mae']]",
        "a list for each output",
    ),
    Mistake(
        "metric_of_no_output",
        TWO + """model.compile(loss="mse", metrics={"up": ["mae"]})  # <-""",
        ArgumentError,
        "compile() was given metrics for 'up'",
        "'up'",
        "left, right",
    ),
    Mistake(
        "class_of_a_layer_as_a_metric",
        BARE + """model.compile(loss="mse", metrics=[layers.Dense])  # <-""",
        ArgumentError,
        "This is no metric",
        "Dense",
        "name",
    ),
    Mistake(
        "steps_per_execution_by_itself",
        BARE + """model.compile(loss="mse", steps_per_execution="auto")  # <-""",
        ArgumentError,
        "compile() takes steps_per_execution as an integer of at least 1",
        "steps_per_execution='auto'",
        "between 8 and 32",
    ),
    Mistake(
        "jit_compile_by_a_word",
        BARE + """model.compile(loss="mse", jit_compile="never")  # <-""",
        ArgumentError,
        "compile() takes jit_compile as True, False or 'auto'",
        "jit_compile='never'",
        "leave it out",
    ),
    Mistake(
        "mismatch_in_a_loss_function",
        BARE
        + """
def loss(y_true, y_pred):
    return ops.mean(y_true - y_pred[:, :2])  # <-

model.compile(loss=loss, optimizer="sgd")
model.fit(X, Y, verbose=0)
""",
        ShapeError,
        "loss 'loss' of output 'head': subtract: the shapes (b, 3) and (b, 2) cannot be broadcast together",
        ("x1: f32[b, 3]", "x2: f32[b, 2]"),
        "sizes must be equal, or one of them 1",
    ),
    Mistake(
        "mismatch_in_a_lambda_loss",
        BARE
        + """
model.compile(
    loss=lambda y_true, y_pred: ops.matmul(y_true, y_pred),  # <-
    optimizer="sgd",
)
model.fit(X, Y, verbose=0)
""",
        ShapeError,
        "matmul",
        ("x1: f32[b, 3]", "x2: f32[b, 3]"),
        "matmul(x1, x2)",
    ),
    Mistake(
        "if_in_a_loss_function",
        BARE
        + """
def loss(y_true, y_pred):
    error = ops.mean(ops.abs(y_true - y_pred))
    return error if error > 1 else error * error  # <-

model.compile(loss=loss, optimizer="sgd")
model.fit(X, Y, verbose=0)
""",
        GraphError,
        "the truth of a symbolic tensor",
        "bool[]",
        "ops.where",
    ),
    Mistake(
        "numpy_in_a_loss_function",
        BARE
        + """
def loss(y_true, y_pred):
    return np.mean(np.square(y_true - y_pred))  # <-

model.compile(loss=loss, optimizer="sgd")
model.fit(X, Y, verbose=0)
""",
        GraphError,
        "the values of a tensor are asked for",
        "f32[b, 3]",
        "`jax.numpy` and `ops` compute",
    ),
    Mistake(
        "loss_function_that_returns_nothing",
        BARE
        + """
def loss(y_true, y_pred):
    ops.mean(y_true - y_pred)

model.compile(loss=loss, optimizer="sgd")
model.fit(X, Y, verbose=0)  # <-
""",
        GraphError,
        "loss 'loss' of output 'head' must return a tensor",
        "None",
        "return",
    ),
    Mistake(
        "metric_function_that_returns_nothing",
        BARE
        + """
def gap(y_true, y_pred):
    ops.mean(y_true - y_pred)

model.compile(loss="mse", optimizer="sgd", metrics=[gap])
model.fit(X, Y, verbose=0)  # <-
""",
        GraphError,
        "metric 'gap' of output 'head' must return a tensor",
        "None",
        "return",
    ),
    Mistake(
        "loss_function_of_one_argument",
        BARE
        + """
def loss(y_pred):
    return ops.mean(y_pred)

model.compile(loss=loss, optimizer="sgd")  # <-
""",
        ArgumentError,
        "loss 'loss' cannot be called with (y_true, y_pred): too many positional arguments",
        "a function of (y_pred)",
        "def name(y_true, y_pred)",
    ),
    Mistake(
        "metric_that_does_not_fit_its_output",
        """
        x = keras.Input(shape=(4, 8))
        model = keras.Model(x, layers.Dense(3, name="head")(x), name="net")
        model.compile(loss="mse", optimizer="sgd", metrics=["sparse_categorical_accuracy"])
        model.fit(np.zeros((6, 4, 8)), np.zeros((6, 4, 3)), verbose=0)  # <-
        """,
        ShapeError,
        "metric 'sparse_categorical_accuracy' of output 'head': equal: the shapes (b, 4, 3) and (b, 4)",
        "i32[b, 4, 3]",
        "",
    ),
    Mistake(
        "mismatch_in_training_only",
        """
        class Noisy(keras.Layer):
            def call(self, x, training=False):
                if training:
                    return x + ops.ones((3,))  # <-
                return x

        x = keras.Input(shape=(8,))
        model = keras.Model(x, layers.Dense(1)(Noisy(name="noisy")(x)))
        model.compile(loss="mse", optimizer="sgd")
        model(np.zeros((6, 8)), training=True)
        """,
        ShapeError,
        "add in layer 'noisy': the shapes (b, 8) and (3,) cannot be broadcast together",
        ("x1: f32[b, 8]", "x2: f32[3]"),
        "sizes must be equal, or one of them 1",
    ),
    Mistake(
        "mismatch_in_a_layer_of_kgc_when_it_is_traced_again",
        """
        x = keras.Input(shape=(8,))
        head = layers.Dense(4, name="head")
        y = head(x)  # <-
        model = keras.Model(x, y)
        model.compile(loss="mse", optimizer="sgd")
        head.bias = keras.Variable(np.zeros(5, "float32"), name="other")
        model.fit(np.zeros((6, 8)), np.zeros((6, 4)), verbose=0)
        """,
        ShapeError,
        "add in layer 'head': the shapes (b, 4) and (5,) cannot be broadcast together",
        ("x1: f32[b, 4]", "x2: f32[5]"),
        "sizes must be equal, or one of them 1",
    ),
    Mistake(
        "check_of_a_layer_of_kgc_when_it_is_traced_again",
        """
        x = keras.Input(shape=(8,))
        head = layers.Dense(4, name="head")
        y = head(x)  # <-
        model = keras.Model(x, y)
        model.compile(loss="mse", optimizer="sgd")
        head.kernel = keras.Variable(np.zeros((9, 4), "float32"), name="other")
        model.fit(np.zeros((6, 8)), np.zeros((6, 4)), verbose=0)
        """,
        ShapeError,
        "Dense 'head' was built for the last axis (axis -1) of size 9",
        "f32[b, 8]",
        "another layer",
    ),
    Mistake(
        "error_in_a_callback",
        ONE
        + """
class Stop(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.set_weights([])  # <-

model.fit(X, Y, callbacks=[Stop()], verbose=0)
""",
        ShapeError,
        "'net' has 2 weights and was given 0",
        "[]",
        "head/kernel: (8, 1)",
    ),
    Mistake(
        "text_from_a_loss_function",
        BARE
        + """
model.compile(loss=lambda y_true, y_pred: "large", optimizer="sgd")
model.fit(X, Y, verbose=0)  # <-
""",
        GraphError,
        "must return a tensor",
        "str: 'large'",
        "return",
    ),
    Mistake(
        "learning_rate_of_a_schedule",
        BARE
        + """
rate = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
model.compile(loss="mse", optimizer=keras.optimizers.SGD(rate))
model.optimizer.learning_rate = 0.5  # <-
""",
        ArgumentError,
        "follows a schedule, so it cannot be set to a number",
        "learning_rate=0.5",
        "",
    ),
    Mistake(
        "float_of_a_traced_loss",
        BARE
        + """
def loss(y_true, y_pred):
    error = ops.mean(y_true - y_pred)
    print(float(error))  # <-
    return error

model.compile(loss=loss, optimizer="sgd")
model.fit(X, Y, verbose=0)
""",
        GraphError,
        "a number from a symbolic tensor is asked for",
        "f32[]",
        "compute with `ops`",
    ),
    Mistake(
        "cast_to_no_dtype_in_a_loss",
        BARE
        + """
def loss(y_true, y_pred):
    return ops.mean(ops.cast(y_true, "flota32") - y_pred)  # <-

model.compile(loss=loss, optimizer="sgd")
model.fit(X, Y, verbose=0)
""",
        DTypeError,
        "'flota32' is no dtype",
        "'flota32'",
        "float32",
    ),
]
