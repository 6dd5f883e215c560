"""Generators, data sets and loaders given to fit, evaluate and predict."""

from __future__ import annotations

from kgc.compiler.errors import ArgumentError, DataError

from .mistake import Mistake
from .models import ONE, TWO, classes

GENERATOR = ONE + "batches = ((X, Y) for _ in range(3))\n"

MISTAKES = [
    Mistake(
        "targets_beside_a_generator",
        GENERATOR + "model.fit(batches, Y, verbose=0)  # <-",
        ArgumentError,
        "fit() takes no y together with a generator",
        "y=numpy.ndarray of shape (6, 1)",
        "(x, y)",
    ),
    Mistake(
        "weights_beside_a_generator",
        GENERATOR + "model.evaluate(batches, sample_weight=np.ones(6), verbose=0)  # <-",
        ArgumentError,
        "evaluate() takes no sample_weight together with a generator",
        "sample_weight=numpy.ndarray of shape (6,)",
        "(x, y, sample_weight)",
    ),
    Mistake(
        "batch_size_beside_a_generator",
        GENERATOR + "model.fit(batches, batch_size=2, verbose=0)  # <-",
        ArgumentError,
        "fit() takes no batch_size together with a generator",
        "batch_size=2",
        "its batches come as they are",
    ),
    Mistake(
        "validation_split_of_a_generator",
        GENERATOR + "model.fit(batches, validation_split=0.5, verbose=0)  # <-",
        ArgumentError,
        "fit() takes no validation_split together with a generator",
        "validation_split=0.5",
        "`validation_data`",
    ),
    Mistake(
        "shuffled_generator",
        GENERATOR + """model.fit(batches, shuffle="batch", verbose=0)  # <-""",
        ArgumentError,
        "fit() takes no shuffle together with a generator",
        "shuffle='batch'",
        "its own order",
    ),
    Mistake(
        "validation_batch_size_of_a_generator",
        GENERATOR + "model.fit(X, Y, validation_data=batches, validation_batch_size=2, verbose=0)  # <-",
        ArgumentError,
        "fit(validation_data=…) takes no validation_batch_size together with a generator",
        "validation_batch_size=2",
        "as they are",
    ),
    Mistake(
        "validation_by_a_generator_twice",
        GENERATOR + "model.fit(X, Y, validation_data=batches, epochs=2, verbose=0)  # <-",
        ArgumentError,
        "fit(validation_data=…) can be read once, and fit() validates 2 times",
        "generator",
        ("a list of its batches", "`validation_steps`"),
    ),
    Mistake(
        "a_generator_function",
        ONE + "def batches():\n    yield X, Y\nmodel.fit(batches, verbose=0)  # <-",
        DataError,
        "fit() of model 'net' takes data, and was given a function",
        "batches",
        "`batches()`",
    ),
    Mistake(
        "a_generator_that_is_used_up",
        GENERATOR + "list(batches)\nmodel.fit(batches, verbose=0)  # <-",
        DataError,
        "fit() was given a generator that gives no batch",
        "generator",
        "make a new one",
    ),
    Mistake(
        "data_without_end",
        ONE
        + "class Endless(keras.utils.PyDataset):\n"
        + "    num_batches = None\n"
        + "    def __getitem__(self, index): return X, Y\n"
        + "model.fit(Endless(), verbose=0)  # <-",
        ArgumentError,
        "fit() was given a Endless that never ends",
        "steps_per_epoch=None",
        "`steps_per_epoch=100`",
    ),
    Mistake(
        "one_sample_at_a_time",
        ONE + "model.fit(zip(X, Y), verbose=0)  # <-",
        DataError,
        "batch 0 of the data (from 0): fit() of model 'net': input 'x' has shape (None, 8)",
        "float32[8]",
        "x[None]",
    ),
    Mistake(
        "batches_without_targets",
        ONE + "model.fit((X for _ in range(3)), verbose=0)  # <-",
        DataError,
        "batch 0 of the data (from 0): fit() of model 'net' needs targets for output 'head'",
        "y=None",
        "pass y",
    ),
    Mistake(
        "inputs_without_a_list_of_their_own",
        TWO + "model.fit(iter([(A, B, L, R)]), verbose=0)  # <-",
        DataError,
        "batch 0 of the data (from 0): fit() takes batches as (x, y)",
        "a tuple of 4",
        "`([a, b], y)`",
    ),
    Mistake(
        "a_batch_of_another_shape",
        ONE + "model.fit(iter([(X, Y), (X, Y), (X[:, :7], Y)]), verbose=0)  # <-",
        DataError,
        "batch 2 of the data (from 0): fit() of model 'net': input 'x' has shape (None, 8)",
        "float32[6, 7]",
        "",
    ),
    Mistake(
        "a_batch_of_another_dtype",
        ONE + """model.fit(iter([(X, Y), (X, Y.astype("int64"))]), verbose=0)  # <-""",
        DataError,
        "batch 1 of the data (from 0): y differs from that of the first batch",
        "int32 of 2 axes, after float32 of 2 axes",
        "same structure",
    ),
    Mistake(
        "a_batch_with_weights",
        ONE + "model.fit(iter([(X, Y), (X, Y, np.ones(6))]), verbose=0)  # <-",
        DataError,
        "batch 1 of the data (from 0): sample_weight differs from that of the first batch",
        "float32 of 1 axes, after nothing",
        "same structure",
    ),
    Mistake(
        "a_batch_of_other_lengths",
        ONE + "model.fit(iter([(X, Y[:5])]), verbose=0)  # <-",
        DataError,
        "batch 0 of the data (from 0): fit() was given data of different lengths",
        "x: 6 rows, y: 5 rows",
        "the first axis",
    ),
    Mistake(
        "a_label_outside_in_the_second_batch",
        classes("sparse_categorical_crossentropy")
        + "model.fit(iter([(X, np.zeros(6, int)), (X, np.full(6, 3))]), verbose=0)  # <-",
        DataError,
        "batch 1 of the data (from 0): y holds the class 3",
        "",
        "number classes from 0",
    ),
    Mistake(
        "a_data_set_with_processes",
        ONE
        + "class Data(keras.utils.PyDataset):\n"
        + "    def __getitem__(self, index): return X, Y\n"
        + "Data(workers=2, use_multiprocessing=True)  # <-",
        ArgumentError,
        "Data cannot be read by processes",
        "use_multiprocessing=True",
        "`workers=4`",
    ),
    Mistake(
        "workers_below_zero",
        "keras.utils.PyDataset(workers=-1)  # <-",
        ArgumentError,
        "`workers` is an integer of at least 0",
        "workers=-1",
        None,
    ),
    Mistake(
        "a_generator_as_one_batch",
        GENERATOR + "model.train_on_batch(batches)  # <-",
        DataError,
        "train_on_batch() of model 'net' takes arrays here",
        "generator",
        "its batches are arrays",
    ),
    Mistake(
        "steps_of_a_generator",
        GENERATOR + "model.fit(batches, steps_per_epoch=-1, verbose=0)  # <-",
        ArgumentError,
        "`steps_per_epoch` is an integer of at least 1",
        "steps_per_epoch=-1",
        "",
    ),
]
