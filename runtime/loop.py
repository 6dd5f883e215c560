"""The loops of fit, evaluate and predict: which step, which hook, in which order.

A loop knows no layer, no optimizer and no progress bar. It is given a step (a function of a batch), a source of
batches, and hooks, and holds no state of its own: when a step or a hook raises, everything it touched is as the last
finished step left it.

Steps are dispatched without waiting for their results. What a step returns stays on the device, and is read only when
somebody looks: hooks get it as it is (`as_floats` makes numbers of it), and the loop itself reads it once an epoch.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from ..compiler.errors import ArgumentError
from .data.batches import Batch, Source
from .feed import Feed
from .hooks import Hooks, Logs, as_floats
from .join import Joined, joined_leaves

T = TypeVar("T")


def fit(
    step: Callable[[Batch], Logs],
    source: Source,
    hooks: Hooks,
    *,
    epochs: int = 1,
    initial_epoch: int = 0,
    begin_epoch: Callable[[int], object] | None = None,
    validate: Callable[[], Logs] | None = None,
    validation_freq: int | Collection[int] = 1,
    steps_per_epoch: int | None = None,
    per_execution: int = 1,
    stack: bool = True,
) -> dict[str, Any]:
    """Train for the epochs `initial_epoch` up to `epochs`.

    Args:
        step: trains on one batch (of `batch.steps` steps, see `Batch`) and returns the logs after it; its values are
            those of the epoch so far, so the last batch's are the epoch's.
        source: the data.
        hooks: whom to tell.
        epochs: number of the epoch to end before, not a count of epochs.
        initial_epoch: number of the first epoch.
        begin_epoch: called with the number of each epoch before anything else in it; resets the metrics.
        validate: evaluates, and returns logs without the prefix "val_".
        validation_freq: validate after every so many epochs, or after the epochs listed (counted from 1).
        steps_per_epoch: an epoch ends after so many steps, and the next goes on where it ended. Data that run out
            before are read again from the next epoch on, with a warning.
        per_execution: steps of one execution: batch hooks are called once for each, with the numbers of its first and
            its last step. The last execution of an epoch has what is left.
        stack: whether the batches of one execution come as one `Batch` of several steps where they are of one size.

    Returns:
        The logs of the last epoch, which `on_train_end` got too; empty if there was no epoch.

    Raises:
        ArgumentError: an illegal number of epochs or steps, or `validation_freq`.
        DataError: an epoch in which the data give no batch.
        And whatever `step`, `validate` or a hook raise; `hooks.aborted()` has then been called.
    """
    epochs = _whole("epochs", epochs, at_least=0)
    initial_epoch = _whole("initial_epoch", initial_epoch, at_least=0)
    feed = Feed(source, per_execution, _steps("steps_per_epoch", steps_per_epoch), "epoch", stack=stack)
    due = _schedule(validation_freq)
    epoch_logs: dict[str, Any] = {}
    try:
        hooks.resume("train")
        hooks.on_train_begin()
        for epoch in range(initial_epoch, epochs):
            if epoch > initial_epoch and not feed.ready(epoch):
                break
            if begin_epoch is not None:
                begin_epoch(epoch)
            hooks.on_epoch_begin(epoch)
            logs: Logs = {}
            for execution in feed.epoch(epoch):
                hooks.on_train_batch_begin(execution[0].index)
                for batch in execution:
                    logs = step(batch)
                hooks.on_train_batch_end(_last(execution), logs)
                if hooks.stopped("train"):
                    break
            epoch_logs = as_floats(logs)
            if validate is not None and due(epoch + 1):
                epoch_logs |= {f"val_{name}": value for name, value in validate().items()}
                epoch_logs = as_floats(epoch_logs)
            hooks.on_epoch_end(epoch, epoch_logs)
            if hooks.stopped("train"):
                break
        hooks.on_train_end(epoch_logs)
    except BaseException:
        hooks.aborted()
        raise
    finally:
        feed.close()
    return epoch_logs


def evaluate(
    step: Callable[[Batch], Logs],
    source: Source,
    hooks: Hooks,
    *,
    begin: Callable[[], object] | None = None,
    steps: int | None = None,
    per_execution: int = 1,
) -> dict[str, Any]:
    """Run `step` over the data once and return the logs after its last batch, as floats.

    Args:
        step: returns the logs over all batches since `begin`.
        begin: called first; resets the metrics.
        steps: stop after so many steps; a warning where the data have fewer.
        per_execution: steps of one execution; see `fit`. Batches are of one step all the same.

    Raises: as `fit`.
    """
    feed = Feed(source, per_execution, _steps("steps", steps), "evaluation", stack=False)
    try:
        hooks.resume("test")
        if begin is not None:
            begin()
        hooks.on_test_begin()
        logs: Logs = {}
        for execution in feed.epoch(0):
            hooks.on_test_batch_begin(execution[0].index)
            for batch in execution:
                logs = step(batch)
            hooks.on_test_batch_end(_last(execution), logs)
            if hooks.stopped("test"):
                break
        final = as_floats(logs)
        hooks.on_test_end(final)
    except BaseException:
        hooks.aborted()
        raise
    finally:
        feed.close()
    return final


def predict(
    step: Callable[[Batch], Sequence[Any]],
    source: Source,
    hooks: Hooks,
    *,
    steps: int | None = None,
    per_execution: int = 1,
    pack: Callable[[list[Any]], T] = list,
) -> T:
    """Run `step` over the data once and join what it returns, output by output, along the first axis on the host.

    Args:
        step: returns the output leaves of a batch, in an order that is always the same.
        steps: stop after so many steps; a warning where the data have fewer.
        per_execution: steps of one execution; see `fit`. Batches are of one step all the same.
        pack: makes the user's structure of a list of leaves, for the result and for the hooks' `logs["outputs"]`.

    Raises: as `fit`; DataError for outputs that cannot be joined.
    """
    feed = Feed(source, per_execution, _steps("steps", steps), "prediction", stack=False)
    joined = Joined(source.rows if steps is None else None)
    try:
        hooks.resume("predict")
        hooks.on_predict_begin()
        watched = hooks.watches_batches("predict")
        for execution in feed.epoch(0):
            hooks.on_predict_batch_begin(execution[0].index)
            parts = [list(step(batch)) for batch in execution]
            for leaves in parts:
                joined.add(leaves)
            outputs = {"outputs": pack(joined_leaves(parts))} if watched else {}
            hooks.on_predict_batch_end(_last(execution), outputs)
            if hooks.stopped("predict"):
                break
        result = pack(joined.finish())
        hooks.on_predict_end()
    except BaseException:
        hooks.aborted()
        raise
    finally:
        feed.close()
    return result


def _last(execution: Sequence[Batch]) -> int:
    return execution[-1].index + execution[-1].steps - 1


def count_validations(initial_epoch: int, epochs: int, validation_freq: int | Collection[int]) -> int:
    """How often `fit` will validate.

    Raises ArgumentError as `fit` does.
    """
    first, last = (
        _whole(name, value, at_least=0) for name, value in (("initial_epoch", initial_epoch), ("epochs", epochs))
    )
    return sum(map(_schedule(validation_freq), range(first + 1, last + 1)))


def _schedule(validation_freq: int | Collection[int]) -> Callable[[int], bool]:
    """Whether the epoch with a number (from 1) is followed by validation."""
    if isinstance(validation_freq, Collection) and not isinstance(validation_freq, str | bytes):
        listed = set(validation_freq)
        return lambda number: number in listed
    every = _whole("validation_freq", validation_freq, at_least=1)
    return lambda number: number % every == 0


def _steps(name: str, value: int | None) -> int | None:
    return None if value is None else _whole(name, value, at_least=1)


def _whole(name: str, value: Any, *, at_least: int) -> int:
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < at_least:
        raise ArgumentError(
            f"`{name}` is an integer of at least {at_least}",
            received=f"{name}={value!r}",
            hint=f"leave it out, or write for example {name}={max(at_least, 10)}",
        )
    return number
