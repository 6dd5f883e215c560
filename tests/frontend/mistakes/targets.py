"""Targets, labels and weights that fit neither the outputs nor their losses."""

from __future__ import annotations

from kgc.compiler.errors import DataError

from .mistake import Mistake
from .models import ONE, TWO, classes

MISTAKES = [
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
]
