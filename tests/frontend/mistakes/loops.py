"""Arguments of fit that say how to go over the data."""

from __future__ import annotations

from kgc.compiler.errors import ArgumentError, DataError

from .mistake import Mistake
from .models import ONE

MISTAKES = [
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
]
