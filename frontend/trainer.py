"""`fit`, `evaluate`, `predict`: what `Model` can do with data.

This file resolves what the user said; `runtime.loop` runs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np

from ..compiler.errors import ArgumentError, shown
from ..runtime import loop, seeds
from ..runtime.data.arrays import split
from ..runtime.data.loaders import is_single_pass
from ..runtime.guard import check_running_allowed
from ..runtime.interrupts import between_steps
from ..runtime.warning import warn
from . import tree
from .callback_list import CallbackList
from .compiling import Compiling
from .fit_data import Data, prepare
from .fit_streams import Stream, as_stream, held_batches, refuse_beside
from .runs import TRAIN_ON_BATCH, PredictRun, TestRun, TrainRun


class Trainer(Compiling):
    """The training loops of `Model`."""

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> Any:
        """Train; the History that it returns holds the logs of every epoch.

        Args:
            x: arrays, or a list, tuple or dict of them as the model has inputs; pandas objects and nested lists too.
                Or what gives batches `(x, y)` or `(x, y, sample_weight)`: a generator or any iterable, a
                `utils.PyDataset`, a torch DataLoader, a tf.data.Dataset.  Data that can be read again are read anew
                each epoch; a generator goes on, and when it ends, so does the training.
            y: targets, nested as the outputs; none where x gives batches.
            batch_size: rows of a step, 32 by default; the last step of an epoch may have fewer.
            epochs: number of the epoch to end before.
            verbose: 0 silent, 1 or "auto" progress bar, 2 one line an epoch.
            callbacks: callbacks, told of the progress.
            validation_split: fraction of the rows, the last ones, to evaluate on after each epoch.
            validation_data: `(x, y)` or `(x, y, sample_weight)` to evaluate on instead, or what gives batches.
            shuffle: whether rows are drawn in a new order each epoch, or "batch" for batches whose rows stay together;
                of a PyDataset the batches.  Other data that give batches have an order of their own.
            class_weight: weight of the samples of each class.
            sample_weight: weight of each sample.
            initial_epoch: number of the first epoch.
            steps_per_epoch, validation_steps: steps of an epoch, of a validation.  The next epoch goes on where the
                last one ended; a validation begins anew, but with a generator.
            validation_batch_size: rows of a step of validation.
            validation_freq: validate after every so many epochs.

        Raises:
            DataError: data that do not fit the model, or each other; a batch unlike the first one.
            ArgumentError: an illegal argument, or one for arrays where x gives batches.
        """
        check_running_allowed("fit")
        self._check_compiled("fit")
        validations = loop.count_validations(initial_epoch, epochs, validation_freq)
        stream = as_stream(self, x, y)
        data: Data | Stream
        held: Data | Stream | None = None
        if stream is not None:
            word = None if isinstance(shuffle, bool) else shuffle
            rest = {"y": y, "sample_weight": sample_weight, "batch_size": batch_size, "shuffle": word}
            refuse_beside(stream, "fit()", **rest, validation_split=validation_split or None)
            call = seeds.next_call("fit")
            data = Stream(
                self,
                stream,
                class_weight,
                "fit()",
                steps=("steps_per_epoch", steps_per_epoch),
                epoch=initial_epoch,
                order=(shuffle, seeds.generator, ("shuffle", call)),
            )
        else:
            data = prepare(self, x, y, sample_weight, class_weight, "fit")
            if validation_split and validation_data is None:
                first, last = split([*data.x, *data.y, *data.weights], validation_split)
                data, held = data.replaced(first), data.replaced(last)
            call = seeds.next_call("fit")
        if validation_data is not None:
            held = self._validation(validation_data, validation_steps, validation_batch_size, validations)
        source = data.source(_rows(batch_size), shuffle, seeds.generator, call)
        each = steps_per_epoch or source.steps
        steps = None if each is None else each * max(epochs - initial_epoch, 1)
        run = TrainRun(self, data, call, steps=steps, rows=None if stream is not None else _rows(batch_size))
        hooks = CallbackList(
            callbacks,
            add_history=True,
            add_progbar=verbose != 0,
            model=self,
            verbose=verbose,
            epochs=epochs,
            steps=steps_per_epoch or source.steps,
        )
        validate = None
        if held is not None:
            size = _rows(validation_batch_size, batch_size)
            validate = partial(self._validate, held, size, validation_steps, hooks)

        def begin_epoch(epoch: int) -> None:
            run.epoch, run.step = epoch, 0
            self._require_compiled("fit").reset()

        with closing(data), between_steps():
            loop.fit(
                run,
                source,
                hooks,
                epochs=epochs,
                initial_epoch=initial_epoch,
                begin_epoch=begin_epoch,
                validate=validate,
                validation_freq=validation_freq,
                steps_per_epoch=steps_per_epoch,
                per_execution=self.steps_per_execution,
                stack=self.compiles_steps,
            )
        self.optimizer.finalize_variable_values(self._trained())
        return hooks.history

    def _trained(self) -> list[Any]:
        model: Any = self
        return model.trainable_weights

    def _validation(self, given: Any, steps: int | None, batch_size: int | None, times: int) -> Data | Stream:
        what = "fit(validation_data=…)"
        stream = held_batches(self, given)
        if stream is not None:
            refuse_beside(stream, what, validation_batch_size=batch_size)
            if steps is None and times > 1 and is_single_pass(stream):
                raise ArgumentError(
                    f"{what} can be read once, and fit() validates {times} times",
                    received=shown(given),
                    hint="give a list of its batches, a `kgc.utils.PyDataset`, or `validation_steps` and a generator "
                    "that goes on.",
                )
            return Stream(self, stream, None, what, steps=("validation_steps", steps))
        if not isinstance(given, list | tuple) or not 2 <= len(given) <= 3:
            raise ArgumentError(
                "fit() takes validation_data as (x, y) or (x, y, sample_weight)",
                received=f"{type(given).__name__} of {len(given)}" if isinstance(given, list | tuple) else shown(given),
                hint="or `validation_split=0.2`, to keep the last fifth of the rows.",
            )
        x, y, weight = (*given, None)[:3]
        return prepare(self, x, y, weight, None, what)

    def _validate(self, held: Data | Stream, batch_size: int, steps: int | None, hooks: CallbackList) -> dict[str, Any]:
        if isinstance(held, Stream) and held.spent:
            warn(
                "The data for validation have ended: this epoch is not validated.",
                "give a generator that goes on, or data that can be read again, such as a `kgc.utils.PyDataset`.",
            )
            return {}
        return self._evaluate(held, batch_size, steps, 0, hooks)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics: a number, a list in the order of `metrics_names`, or a dict.

        Args:
            x, y, batch_size, sample_weight, verbose, callbacks: as for `fit`; x may give batches.
            steps: stop after so many steps.
            return_dict: whether to give a dict.

        Raises:
            DataError: data that do not fit the model, or each other.
        """
        check_running_allowed("evaluate")
        self._check_compiled("evaluate")
        stream, what = as_stream(self, x, y), "evaluate()"
        if stream is not None:
            refuse_beside(stream, what, y=y, sample_weight=sample_weight, batch_size=batch_size)
            data: Data | Stream = Stream(self, stream, None, what, steps=("steps", steps))
        else:
            data = prepare(self, x, y, sample_weight, None, "evaluate")
        with closing(data):
            logs = self._evaluate(data, _rows(batch_size), steps, verbose, callbacks)
        return logs if return_dict else self._as_list(logs)

    def _evaluate(
        self, data: Data | Stream, batch_size: int, steps: int | None, verbose: Any, callbacks: Any
    ) -> dict[str, Any]:
        compiled = self._require_compiled("evaluate")
        source = data.source(batch_size, False, None, 0)
        run = TestRun(self, data)
        hooks = callbacks
        if not isinstance(hooks, CallbackList):  # those of a `fit` hear of its validation too
            hooks = CallbackList(
                callbacks,
                add_history=False,
                add_progbar=verbose != 0,
                model=self,
                verbose=verbose,
                epochs=1,
                steps=steps or source.steps,
            )
        return loop.evaluate(
            run, source, hooks, begin=compiled.reset, steps=steps, per_execution=self.steps_per_execution
        )

    def _as_list(self, logs: Mapping[str, Any]) -> Any:
        names = [name for name in self.metrics_names if name in logs]
        values = [logs[name] for name in [*names, *(name for name in logs if name not in names)]]
        return values[0] if len(values) == 1 else values

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs, as NumPy arrays nested as the model's outputs.

        Args:
            x: arrays; or what gives batches, of which the inputs are taken: x alone, `(x,)`, `(x, y)`.
            batch_size, verbose, callbacks: as for `fit`.
            steps: stop after so many steps.

        Raises:
            DataError: data that do not fit the model.
        """
        check_running_allowed("predict")
        model: Any = self
        stream = as_stream(self, x, ())
        if stream is not None:
            refuse_beside(stream, "predict()", batch_size=batch_size)
            data: Data | Stream = Stream(self, stream, None, "predict()", steps=("steps", steps))
        else:
            data = prepare(self, x, None, None, None, "predict")
        source = data.source(_rows(batch_size), False, None, 0)
        hooks = CallbackList(
            callbacks,
            add_history=False,
            add_progbar=verbose != 0,
            model=self,
            verbose=verbose,
            epochs=1,
            steps=steps or source.steps,
        )
        with closing(data):
            return loop.predict(
                PredictRun(self),
                source,
                hooks,
                steps=steps,
                per_execution=self.steps_per_execution,
                pack=lambda leaves: tree.pack(model.output, leaves),
            )

    # One batch
    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Train on one batch; loss and metrics over all batches since `reset_metrics`."""
        check_running_allowed("train_on_batch")
        self._check_compiled("train_on_batch")
        data = prepare(self, x, y, sample_weight, class_weight, "train_on_batch")
        batch = next(data.source(max(data.rows, 1), False, None, 0).batches(0))
        run = TrainRun(self, data, seeds.next_call("train_on_batch"), TRAIN_ON_BATCH)
        with between_steps():
            logs = run(batch)
        return self._result(logs, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics over all batches since `reset_metrics`, this one included."""
        check_running_allowed("test_on_batch")
        self._check_compiled("test_on_batch")
        data = prepare(self, x, y, sample_weight, None, "test_on_batch")
        batch = next(data.source(max(data.rows, 1), False, None, 0).batches(0))
        return self._result(TestRun(self, data)(batch), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, as NumPy arrays."""
        check_running_allowed("predict_on_batch")
        model: Any = self
        data = prepare(self, x, None, None, None, "predict_on_batch")
        batch = next(data.source(max(data.rows, 1), False, None, 0).batches(0))
        return tree.pack(model.output, [np.asarray(leaf) for leaf in PredictRun(self)(batch)])

    def _result(self, logs: dict[str, Any], return_dict: bool) -> Any:
        floats = {name: float(value) for name, value in logs.items()}
        return floats if return_dict else self._as_list(floats)


def _rows(*sizes: Any) -> Any:
    """The first batch size that was given; 32 when none was."""
    return next((size for size in sizes if size is not None), 32)
