"""`fit`, `evaluate`, `predict`: what `Model` can do with data.

This file resolves what the user said; `runtime.loop` runs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..compiler.errors import ArgumentError, shown
from ..runtime import loop, seeds
from ..runtime.data.arrays import split
from ..runtime.data.batches import Batch
from ..runtime.guard import check_running_allowed
from ..runtime.interrupts import between_steps
from ..runtime.program import Program
from ..runtime.step import TrainStep
from ..runtime.store import STORE
from . import tree
from .callback_list import CallbackList
from .compiling import Compiling
from .fit_data import Data, prepare

TRAIN, TRAIN_ON_BATCH, TEST, PREDICT = 2, 3, 4, 5
"""Purposes of random addresses `(seed, purpose, run, epoch, step)`; 1 is a call on arrays.  The run is the number of
the call of `fit`, `predict` …: two in one process draw differently, the same one in two processes the same."""


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
        """Train on arrays; the History that it returns holds the logs of every epoch.

        Args:
            x, y: arrays, or lists, tuples or dicts of them as the model has inputs and outputs.
            batch_size: rows of a step, 32 by default; the last step of an epoch may have fewer.
            epochs: number of the epoch to end before.
            verbose: 0 silent, 1 or "auto" progress bar, 2 one line an epoch.
            callbacks: callbacks, told of the progress.
            validation_split: fraction of the rows, the last ones, to evaluate on after each epoch.
            validation_data: `(x, y)` or `(x, y, sample_weight)` to evaluate on instead.
            shuffle: whether rows are drawn in a new order each epoch.
            class_weight: weight of the samples of each class.
            sample_weight: weight of each sample.
            initial_epoch: number of the first epoch.
            steps_per_epoch, validation_steps: steps of an epoch, of a validation.
            validation_batch_size: rows of a step of validation.
            validation_freq: validate after every so many epochs.

        Raises:
            DataError: data that do not fit the model, or each other.
        """
        check_running_allowed("fit")
        self._check_compiled("fit")
        data = prepare(self, x, y, sample_weight, class_weight, "fit")
        held: Data | None = None
        if validation_split and validation_data is None:
            leaves = [*data.x, *data.y, *data.weights]
            first, last = split(leaves, validation_split)
            data, held = data.replaced(first), data.replaced(last)
        elif validation_data is not None:
            held = self._validation(validation_data)
        call = seeds.next_call("fit")
        source = data.source(_rows(batch_size), shuffle, seeds.generator, call)
        run = _TrainRun(self, data, call)
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
            check = held
            validate = lambda: self._evaluate(  # noqa: E731
                check, _rows(validation_batch_size, batch_size), validation_steps, 0, hooks
            )

        def begin_epoch(epoch: int) -> None:
            run.epoch, run.step = epoch, 0
            self._require_compiled("fit").reset()

        with between_steps():
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
            )
        self.optimizer.finalize_variable_values(self._trained())
        return hooks.history

    def _trained(self) -> list[Any]:
        model: Any = self
        return model.trainable_weights

    def _validation(self, validation_data: Any) -> Data:
        if not isinstance(validation_data, list | tuple) or not 2 <= len(validation_data) <= 3:
            raise ArgumentError(
                "fit() takes validation_data as (x, y) or (x, y, sample_weight)",
                received=f"{type(validation_data).__name__} of {len(validation_data)}"
                if isinstance(validation_data, list | tuple)
                else shown(validation_data),
                hint="or `validation_split=0.2`, to keep the last fifth of the rows.",
            )
        x, y, weight = (*validation_data, None)[:3]
        return prepare(self, x, y, weight, None, "fit(validation_data=…)")

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
        """Loss and metrics on arrays: a number, a list in the order of `metrics_names`, or a dict.

        Raises:
            DataError: data that do not fit the model, or each other.
        """
        check_running_allowed("evaluate")
        self._check_compiled("evaluate")
        data = prepare(self, x, y, sample_weight, None, "evaluate")
        logs = self._evaluate(data, _rows(batch_size), steps, verbose, callbacks)
        return logs if return_dict else self._as_list(logs)

    def _evaluate(self, data: Data, batch_size: int, steps: int | None, verbose: Any, callbacks: Any) -> dict[str, Any]:
        compiled = self._require_compiled("evaluate")
        source = data.source(batch_size, False, None, 0)
        program = self._test_program(data.target_types(), data.weight_types())
        names, run = program.source.output_names, seeds.next_call("evaluate")
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

        def step(batch: Batch) -> dict[str, Any]:
            return dict(zip(names, program(_flat(batch), _address(program, TEST, run, batch.index)), strict=True))

        return loop.evaluate(step, source, hooks, begin=compiled.reset, steps=steps)

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
        """The outputs for arrays, as NumPy arrays nested as the model's outputs.

        Raises:
            DataError: data that do not fit the model.
        """
        check_running_allowed("predict")
        model: Any = self
        data = prepare(self, x, None, None, None, "predict")
        source = data.source(_rows(batch_size), False, None, 0)
        program, run = model.program(False), seeds.next_call("predict")
        hooks = CallbackList(
            callbacks,
            add_history=False,
            add_progbar=verbose != 0,
            model=self,
            verbose=verbose,
            epochs=1,
            steps=steps or source.steps,
        )
        return loop.predict(
            lambda batch: program(batch.x, _address(program, PREDICT, run, batch.index)),
            source,
            hooks,
            steps=steps,
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
        step = self._train_step(data.target_types(), data.weight_types())
        batch = next(data.source(max(data.rows, 1), False, None, 0).batches(0))
        address = np.array([seeds.word(), TRAIN_ON_BATCH, seeds.next_call("train_on_batch"), 0, 0], np.uint32)
        with between_steps():
            logs = step(_flat(batch), address)
        return self._result(logs, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics over all batches since `reset_metrics`, this one included."""
        check_running_allowed("test_on_batch")
        self._check_compiled("test_on_batch")
        data = prepare(self, x, y, sample_weight, None, "test_on_batch")
        program = self._test_program(data.target_types(), data.weight_types())
        batch = next(data.source(max(data.rows, 1), False, None, 0).batches(0))
        values = program(_flat(batch), _address(program, TEST, seeds.next_call("evaluate"), 0))
        return self._result(dict(zip(program.source.output_names, values, strict=True)), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, as NumPy arrays."""
        check_running_allowed("predict_on_batch")
        model: Any = self
        data = prepare(self, x, None, None, None, "predict_on_batch")
        program = model.program(False)
        batch = next(data.source(max(data.rows, 1), False, None, 0).batches(0))
        outputs = program(batch.x, _address(program, PREDICT, seeds.next_call("predict"), 0))
        return tree.pack(model.output, [np.asarray(leaf) for leaf in outputs])

    def _result(self, logs: dict[str, Any], return_dict: bool) -> Any:
        floats = {name: float(value) for name, value in logs.items()}
        return floats if return_dict else self._as_list(floats)


class _TrainRun:
    """The steps of one `fit`: which program, and the address of each step's random numbers."""

    def __init__(self, model: Any, data: Data, call: int) -> None:
        self._model, self._types = model, (data.target_types(), data.weight_types())
        self._seed, self._call = seeds.word(), call
        self.epoch = self.step = 0
        self._made_for = self._wanted()
        self._program: TrainStep = model._train_step(*self._types)

    def _wanted(self) -> Any:
        """What callbacks may change and the program was compiled for (a schedule, a frozen layer)."""
        optimizer = self._model.optimizer
        return optimizer, optimizer.program_key, STORE.trainable_version

    def __call__(self, batch: Batch) -> dict[str, Any]:
        wanted = self._wanted()
        if wanted != self._made_for:
            self._program, self._made_for = self._model._train_step(*self._types), wanted
        address = np.array([self._seed, TRAIN, self._call, self.epoch, self.step], np.uint32)
        self.step += batch.steps
        return self._program(_flat(batch), address)


def _rows(*sizes: Any) -> Any:
    """The first batch size that was given; 32 when none was."""
    return next((size for size in sizes if size is not None), 32)


def _flat(batch: Batch) -> tuple[Any, ...]:
    return (*batch.x, *batch.y, *(weight for weight in batch.weights if weight is not None))


def _address(program: Program, purpose: int, run: int, step: int) -> Any:
    return np.array([seeds.word(), purpose, run, 0, step], np.uint32) if program.random else None
