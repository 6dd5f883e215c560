"""The steps of one `fit`, `evaluate` or `predict`: which program runs, and the address of its random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..runtime import seeds
from ..runtime.data.batches import Batch
from ..runtime.program import Program
from ..runtime.step import TrainStep
from ..runtime.store import STORE
from . import concrete
from .batch_reader import Form
from .fit_data import Data
from .fit_streams import Stream

TRAIN, TRAIN_ON_BATCH, TEST, PREDICT = 2, 3, 4, 5
"""Purposes of random addresses `(seed, purpose, run, epoch, step)`; 1 is a call on arrays.  The run is the number of
the call of `fit`, `predict` …: two in one process draw differently, the same one in two processes the same."""


class TrainRun:
    """The steps of one training; `epoch` and `step` say which comes next."""

    def __init__(
        self,
        model: Any,
        data: Data | Stream,
        call: int,
        purpose: int = TRAIN,
        *,
        steps: int | None = None,
        rows: int | None = None,
    ) -> None:
        self._model, self._types = model, (data.target_types(), data.weight_types())
        self._seed, self._purpose, self._call = seeds.word(), purpose, call
        self.epoch = self.step = 0
        self._made_for = self._wanted()
        self._size = steps, rows  # of the whole training, and of a step, where they are known
        self._programs: dict[Form | None, TrainStep] = {None: model._train_step(*self._types, *self._size)}

    def _wanted(self) -> Any:
        """What callbacks may change and the program was compiled for (a schedule, a frozen layer)."""
        optimizer = self._model.optimizer
        return optimizer, optimizer.program_key, STORE.trainable_version, self._model.compiles_steps

    def _program(self, form: Form | None) -> TrainStep:
        found = self._programs.get(form)
        if found is None:
            types = self._types if form is None else (form.targets, form.weights)
            found = self._programs[form] = self._model._train_step(*types, *self._size)
        return found

    def __call__(self, batch: Batch) -> dict[str, Any]:
        wanted = self._wanted()
        if wanted != self._made_for:
            self._programs, self._made_for = {}, wanted
        program = self._program(batch.form)
        address = np.array([self._seed, self._purpose, self._call, self.epoch, self.step], np.uint32)
        self.step += batch.steps
        if batch.steps > 1:
            addresses = np.tile(address, (batch.steps, 1))
            addresses[:, -1] += np.arange(batch.steps, dtype=np.uint32)
            return program(_flat(batch), addresses, batch.steps)
        if self._model.run_eagerly:
            concrete.look(self._model, batch, address, training=True, losses=True)
        return program(_flat(batch), address)


class TestRun:
    """The steps of one evaluation."""

    __test__ = False  # no test of pytest's

    def __init__(self, model: Any, data: Data | Stream) -> None:
        self._model, self._types = model, (data.target_types(), data.weight_types())
        self._run = seeds.next_call("evaluate")
        self._programs: dict[Form | None, Program] = {None: model._test_program(*self._types)}

    def __call__(self, batch: Batch) -> dict[str, Any]:
        program = self._programs.get(batch.form)
        if program is None:
            form: Form = batch.form
            program = self._programs[form] = self._model._test_program(form.targets, form.weights)
        values = _compute(self._model, program, _flat(batch), batch, TEST, self._run)
        return dict(zip(program.source.output_names, values, strict=True))


class PredictRun:
    """The steps of one prediction."""

    def __init__(self, model: Any) -> None:
        self._model, self._program = model, model.program(False)
        self._run = seeds.next_call("predict")

    def __call__(self, batch: Batch) -> list[Any]:
        return _compute(self._model, self._program, batch.x, batch, PREDICT, self._run)


def _compute(model: Any, program: Program, data: Any, batch: Batch, purpose: int, run: int) -> list[Any]:
    looks = model.run_eagerly
    address = None
    if program.random or looks:
        address = np.array([seeds.word(), purpose, run, 0, batch.index], np.uint32)
    if looks:
        concrete.look(model, batch, address, training=False, losses=purpose == TEST)
    address = address if program.random else None
    return program(data, address) if model.compiles_steps else program.op_by_op(data, address)


def _flat(batch: Batch) -> tuple[Any, ...]:
    return (*batch.x, *batch.y, *(weight for weight in batch.weights if weight is not None))
