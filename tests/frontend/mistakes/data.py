"""Data given to fit, evaluate, predict and the batch methods that fit neither the model nor each other."""

from __future__ import annotations

from kgc.compiler.errors import ArgumentError, DataError, GraphError

from .mistake import Mistake

ONE = """
x = keras.Input(shape=(8,), name="x")
model = keras.Model(x, layers.Dense(1, name="head")(x), name="net")
model.compile(loss="mse", optimizer="sgd")
X, Y = np.zeros((6, 8), "float32"), np.zeros((6, 1), "float32")
"""
TWO = """
a, b = keras.Input(shape=(8,), name="a"), keras.Input(shape=(4,), name="b")
both = layers.Concatenate()([a, b])
model = keras.Model([a, b], [layers.Dense(1, name="left")(both), layers.Dense(2, name="right")(both)], name="net")
model.compile(loss="mse", optimizer="sgd")
A, B = np.zeros((6, 8), "float32"), np.zeros((6, 4), "float32")
L, R = np.zeros((6, 1), "float32"), np.zeros((6, 2), "float32")
"""
WORDS = """
x = keras.Input(shape=(3,), dtype="int32", name="words")
model = keras.Model(x, layers.Dense(1, name="head")(ops.cast(x, "float32")), name="net")
model.compile(loss="mse", optimizer="sgd")
Y = np.zeros((6, 1), "float32")
"""


def classes(loss: str, units: int = 3) -> str:
    """A classifier of so many classes under a loss."""
    return f"""
x = keras.Input(shape=(8,), name="x")
model = keras.Model(x, layers.Dense({units}, activation="softmax", name="head")(x), name="net")
model.compile(loss="{loss}", optimizer="sgd", metrics=["accuracy"])
X = np.zeros((6, 8), "float32")
"""


MISTAKES = [
    Mistake(
        "no_data",
        ONE + "model.fit()  # <-",
        DataError,
        "fit() of model 'net' was given no data",
        "x=None",
        "pass x",
    ),
    Mistake(
        "no_targets",
        ONE + "model.fit(X, verbose=0)  # <-",
        DataError,
        "fit() of model 'net' needs targets for output 'head'",
        "y=None",
        "pass y",
    ),
    Mistake(
        "too_few_inputs",
        TWO + "model.fit([A], [L, R], verbose=0)  # <-",
        DataError,
        "model 'net' takes 2 inputs ('a', 'b')",
        "1: (6, 8)",
        "one tensor for each input",
    ),
    Mistake(
        "too_many_inputs",
        ONE + "model.fit([X, X], Y, verbose=0)  # <-",
        DataError,
        "model 'net' takes 1 input ('x')",
        "2: (6, 8), (6, 8)",
        "one tensor for each input",
    ),
    Mistake(
        "inputs_in_the_wrong_order",
        TWO + "model.fit([B, A], [L, R], verbose=0)  # <-",
        DataError,
        "fit() of model 'net': input 'a' has shape (None, 8)",
        "float32[6, 4]",
        "",
    ),
    Mistake(
        "inputs_of_other_names",
        TWO + """model.fit({"a": A, "B": B}, [L, R], verbose=0)  # <-""",
        DataError,
        "model 'net' lacks data for 'b'",
        "a dict of 'a', 'B'",
        "its inputs are 'a', 'b'",
    ),
    Mistake(
        "rows_of_another_size",
        ONE + "model.fit(X[:, :7], Y, verbose=0)  # <-",
        DataError,
        "fit() of model 'net': input 'x' has shape (None, 8)",
        "float32[6, 7]",
        "",
    ),
    Mistake(
        "flat_images",
        """
        x = keras.Input(shape=(4, 4, 1), name="image")
        model = keras.Model(x, layers.Flatten()(x), name="net")
        model.predict(np.zeros((6, 16)), verbose=0)  # <-
        """,
        DataError,
        "predict() of model 'net': input 'image' has shape (None, 4, 4, 1)",
        "float64[6, 16]",
        "x.reshape((-1, 4, 4, 1))",
    ),
    Mistake(
        "one_sample",
        ONE + "model.predict(X[0], verbose=0)  # <-",
        DataError,
        "predict() of model 'net': input 'x' has shape (None, 8)",
        "float32[8]",
        "x[None]",
    ),
    Mistake(
        "other_lengths",
        ONE + "model.fit(X, Y[:5], verbose=0)  # <-",
        DataError,
        "fit() was given data of different lengths",
        "x: 6 rows, y: 5 rows",
        "the first axis of every array is the sample",
    ),
    Mistake(
        "weights_of_another_length",
        ONE + "model.fit(X, Y, sample_weight=np.ones(5), verbose=0)  # <-",
        DataError,
        "fit() was given data of different lengths",
        "sample_weight: 5 rows",
        "the first axis of every array is the sample",
    ),
    Mistake(
        "weights_of_another_rank",
        ONE + "model.fit(X, Y, sample_weight=np.ones((6, 1, 1)), verbose=0)  # <-",
        DataError,
        "sample_weight",
        "float64[6, 1, 1]",
        "one number for each sample",
    ),
    Mistake(
        "no_rows",
        ONE + "model.fit(X[:0], Y[:0], verbose=0)  # <-",
        DataError,
        "The arrays have no rows",
        "x: 0",
        "",
    ),
    Mistake(
        "no_rows_to_predict",
        ONE + "model.predict(X[:0], verbose=0)  # <-",
        DataError,
        "The arrays have no rows",
        "x: 0",
        "",
    ),
    Mistake(
        "ragged_rows",
        ONE + "model.fit([[1.0] * 8, [1.0] * 7], [0.0, 1.0], verbose=0)  # <-",
        DataError,
        "'x' cannot be read as an array",
        "list",
        "padded to one length",
    ),
    Mistake(
        "text",
        ONE + """model.fit(np.array([["a"] * 8] * 6), Y, verbose=0)  # <-""",
        DataError,
        "'x' does not hold numbers",
        "shape (6, 8)",
        "text as integer ids",
    ),
    Mistake(
        "text_as_targets",
        ONE + """model.fit(X, ["cat"] * 6, verbose=0)  # <-""",
        DataError,
        "'y' does not hold numbers",
        "list",
        "text as integer ids",
    ),
    Mistake(
        "file_name_as_data",
        ONE + """model.fit("train.csv", Y, verbose=0)  # <-""",
        DataError,
        "'x' does not hold numbers",
        "str",
        "array of numbers",
    ),
    Mistake(
        "number_as_data",
        ONE + "model.predict(3.0, verbose=0)  # <-",
        DataError,
        "'x' has no rows",
        "float",
        "x[None]",
    ),
    Mistake(
        "nan_in_an_integer_input",
        WORDS + "model.fit(np.array([[1, 2, np.nan]] * 6), Y, verbose=0)  # <-",
        DataError,
        "'words' holds NaN or infinity, and int32 is wanted",
        "float64[6, 3]",
        "replace missing values",
    ),
    Mistake(
        "fractions_in_an_integer_input",
        WORDS + "model.fit(np.array([[1, 2, 2.5]] * 6), Y, verbose=0)  # <-",
        DataError,
        "input 'words' holds int32",
        "float64 with fractions",
        "whole numbers",
    ),
    Mistake(
        "complex_numbers",
        ONE + "model.fit(X * 1j, Y, verbose=0)  # <-",
        DataError,
        "'x' holds complex numbers",
        "complex64[6, 8]",
        "two features",
    ),
    Mistake(
        "torch_tensor_on_another_device",
        ONE
        + """
def refuse(self, dtype=None, copy=None):
    raise TypeError("can't convert cuda:0 device type tensor to numpy")

tensor = foreign("torch", "Tensor", __array__=refuse, shape=(6, 8), dtype="torch.float32", detach=lambda self: self)
model.fit(tensor, Y, verbose=0)  # <-
""",
        DataError,
        "'x' cannot be read as an array: can't convert cuda:0",
        "torch.Tensor of shape (6, 8)",
        ".detach().cpu().numpy()",
    ),
    Mistake(
        "sparse_matrix",
        ONE
        + """
matrix = foreign("scipy.sparse", "csr_matrix", shape=(6, 8), dtype="float32", toarray=lambda self: X)
model.fit(matrix, Y, verbose=0)  # <-
""",
        DataError,
        "'x'",
        "scipy.sparse.csr_matrix of shape (6, 8)",
        ".toarray()",
    ),
    Mistake(
        "generator",
        ONE + "model.fit(((X, Y) for _ in range(3)), verbose=0)  # <-",
        DataError,
        "fit() takes arrays; generators and data loaders are not supported yet",
        "generator",
        "",
    ),
    Mistake(
        "targets_of_another_shape",
        ONE + "model.fit(X, np.zeros((6, 2)), verbose=0)  # <-",
        DataError,
        "y does not fit output 'head' of shape (None, 1) under loss 'mean_squared_error'",
        "float64[6, 2]",
        "",
    ),
    Mistake(
        "one_array_for_two_outputs",
        TWO + "model.fit([A, B], L, verbose=0)  # <-",
        DataError,
        "fit() needs y for 2 outputs of model 'net'",
        "(6, 1)",
        "a list in this order, or a dict by name",
    ),
    Mistake(
        "targets_of_other_names",
        TWO + """model.fit([A, B], {"left": L, "write": R}, verbose=0)  # <-""",
        DataError,
        "fit() was given y for 'write', which is no output of model 'net'",
        "'left', 'write'",
        "left, right",
    ),
    Mistake(
        "targets_in_the_wrong_order",
        TWO + "model.fit([A, B], [R, L], verbose=0)  # <-",
        DataError,
        "y ('left') does not fit output 'left'",
        "float32[6, 2]",
        "",
    ),
    Mistake(
        "class_outside",
        classes("sparse_categorical_crossentropy") + "model.fit(X, np.array([0, 1, 2, 3, 0, 1]), verbose=0)  # <-",
        DataError,
        "y holds the class 3, and output 'head' has the classes 0 to 2",
        ("from 0 to 3", "first at row 3"),
        "number classes from 0",
    ),
    Mistake(
        "class_below_zero",
        classes("sparse_categorical_crossentropy")
        + "model.evaluate(X, np.array([0, -1, 2, 1, 0, 1]), verbose=0)  # <-",
        DataError,
        "y holds the class -1",
        "first at row 1",
        "number classes from 0",
    ),
    Mistake(
        "fraction_as_a_class",
        classes("sparse_categorical_crossentropy") + "model.fit(X, np.array([0, 0.5, 1, 2, 0, 1]), verbose=0)  # <-",
        DataError,
        "y holds the class 0.5",
        "first at row 1",
        "",
    ),
    Mistake(
        "nan_as_a_class",
        classes("sparse_categorical_crossentropy") + "model.fit(X, np.array([0, np.nan, 1, 2, 0, 1]), verbose=0)  # <-",
        DataError,
        "y holds the class nan",
        "first at row 1",
        "",
    ),
    Mistake(
        "one_hot_under_a_sparse_loss",
        classes("sparse_categorical_crossentropy") + "model.fit(X, np.eye(3)[[0, 1, 2, 0, 1, 2]], verbose=0)  # <-",
        DataError,
        "y does not fit output 'head' of shape (None, 3) under loss 'sparse_categorical_crossentropy'",
        "float64[6, 3]",
        "CategoricalCrossentropy",
    ),
    Mistake(
        "classes_under_a_categorical_loss",
        classes("categorical_crossentropy") + "model.fit(X, np.array([0, 1, 2, 0, 1, 2]), verbose=0)  # <-",
        DataError,
        "y does not fit output 'head' of shape (None, 3) under loss 'categorical_crossentropy'",
        "int64[6]",
        "SparseCategoricalCrossentropy",
    ),
    Mistake(
        "column_of_classes_under_a_categorical_loss",
        classes("categorical_crossentropy") + "model.fit(X, np.array([[0], [1], [2], [0], [1], [2]]), verbose=0)  # <-",
        DataError,
        "y does not fit output 'head' of shape (None, 3) under loss 'categorical_crossentropy'",
        "int64[6, 1]",
        "SparseCategoricalCrossentropy",
    ),
    Mistake(
        "class_weight_and_sample_weight",
        ONE + "model.fit(X, Y, class_weight={0: 1.0}, sample_weight=np.ones(6), verbose=0)  # <-",
        DataError,
        "fit() takes class_weight or sample_weight, not both",
        "class_weight={0: 1.0}",
        "",
    ),
    Mistake(
        "class_weight_of_two_outputs",
        TWO + "model.fit([A, B], [L, R], class_weight={0: 1.0}, verbose=0)  # <-",
        DataError,
        "class_weight is for models with one output",
        "2 outputs",
        "sample_weight",
    ),
    Mistake(
        "class_weight_as_a_list",
        ONE + "model.fit(X, Y, class_weight=[1.0, 2.0], verbose=0)  # <-",
        DataError,
        "class_weight",
        "[1.0, 2.0]",
        "from class to weight",
    ),
    Mistake(
        "validation_data_without_targets",
        ONE + "model.fit(X, Y, validation_data=(X,), verbose=0)  # <-",
        ArgumentError,
        "fit() takes validation_data as (x, y) or (x, y, sample_weight)",
        "tuple of 1",
        "",
    ),
    Mistake(
        "validation_data_as_an_array",
        ONE + "model.fit(X, Y, validation_data=X, verbose=0)  # <-",
        ArgumentError,
        "fit() takes validation_data as (x, y) or (x, y, sample_weight)",
        "ndarray",
        "",
    ),
    Mistake(
        "validation_data_that_does_not_fit",
        ONE + "model.fit(X, Y, validation_data=(X[:, :3], Y), verbose=0)  # <-",
        DataError,
        "fit(validation_data=…) of model 'net': input 'x' has shape (None, 8)",
        "float32[6, 3]",
        "",
    ),
    Mistake(
        "validation_split_above_one",
        ONE + "model.fit(X, Y, validation_split=20, verbose=0)  # <-",
        ArgumentError,
        "`validation_split` is a fraction between 0 and 1",
        "validation_split=20",
        "validation_split=0.2",
    ),
    Mistake(
        "validation_split_of_too_few_rows",
        ONE + "model.fit(X[:1], Y[:1], validation_split=0.5, verbose=0)  # <-",
        DataError,
        "1 rows are too few to split",
        "validation_split=0.5",
        "",
    ),
    Mistake(
        "batch_size_zero",
        ONE + "model.fit(X, Y, batch_size=0, verbose=0)  # <-",
        ArgumentError,
        "`batch_size` is an integer of at least 1",
        "batch_size=0",
        "",
    ),
    Mistake(
        "batch_size_as_a_fraction",
        ONE + "model.fit(X, Y, batch_size=2.5, verbose=0)  # <-",
        ArgumentError,
        "`batch_size` is an integer of at least 1",
        "batch_size=2.5",
        "",
    ),
    Mistake(
        "negative_epochs",
        ONE + "model.fit(X, Y, epochs=-1, verbose=0)  # <-",
        ArgumentError,
        "`epochs` is an integer of at least 0",
        "epochs=-1",
        "",
    ),
    Mistake(
        "steps_per_epoch_zero",
        ONE + "model.fit(X, Y, steps_per_epoch=0, verbose=0)  # <-",
        ArgumentError,
        "`steps_per_epoch` is an integer of at least 1",
        "steps_per_epoch=0",
        "",
    ),
    Mistake(
        "shuffle_by_a_word",
        ONE + """model.fit(X, Y, shuffle="rows", verbose=0)  # <-""",
        ArgumentError,
        "`shuffle` is True, False or 'batch'",
        "shuffle='rows'",
        "",
    ),
    Mistake(
        "verbose_by_a_word",
        ONE + """model.fit(X, Y, verbose="loud")  # <-""",
        ArgumentError,
        "verbose",
        "'loud'",
        "",
    ),
    Mistake(
        "data_for_an_empty_sequential",
        """
        model = keras.Sequential(name="net")
        model.compile(loss="mse")
        model.fit(np.zeros((6, 8)), np.zeros((6, 1)), verbose=0)  # <-
        """,
        GraphError,
        "Sequential 'net' needs layers and an input shape",
        "0 layers",
        "`add` layers",
    ),
]
