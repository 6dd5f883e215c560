"""Inputs given to fit, evaluate, predict and the batch methods that fit neither the model nor each other."""

from __future__ import annotations

from kgc.compiler.errors import DataError, GraphError

from .mistake import Mistake
from .models import ONE, TWO, WORDS

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
