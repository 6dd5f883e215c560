"""`compile`, `fit`, `evaluate`, `predict`: what `Model` can do with data.

The train graph takes inputs, targets and sample weights to the loss, the logs and the new state, all in ops; passes
see it whole, and one jitted step runs it.  This file resolves what the user said; `runtime` runs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..compiler.errors import ArgumentError, GraphError
from ..compiler.graph import Graph
from ..compiler.types import TensorType, tensor_type
from ..runtime import loop, seeds
from ..runtime.data.arrays import ArraySource, split
from ..runtime.data.batches import Batch, NamedArray
from ..runtime.guard import check_running_allowed
from ..runtime.program import Program
from ..runtime.step import TrainStep
from . import optimizers, trace, tree
from .callback_list import CallbackList
from .compiled import Compiled, regularization, with_batch
from .fit_data import Data, flatten_targets, prepare

TRAIN, CALL = 2, 1
"""Purposes of random addresses: steps of `fit`, calls outside it."""


class Trainer:
    """The training part of `Model`."""

    name: str
    optimizer: Any = None
    history: Any = None
    stop_training = False
    stop_evaluating = False
    stop_predicting = False

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Say how to train.

        Args:
            optimizer: name, optimizer, or optax transformation.
            loss: name, loss, function `(y_true, y_pred)`, or a list or dict of those by output.
            loss_weights: number for each output's loss.
            metrics, weighted_metrics: lists of names, metrics or functions; the second see sample weights.
            run_eagerly, steps_per_execution, auto_scale_loss: not supported but for their defaults.
            jit_compile: "auto" or True; kgc always compiles.

        Raises:
            ArgumentError: an identifier is unknown, or does not fit the model's outputs.
        """
        if run_eagerly:
            raise ArgumentError("compile() does not support run_eagerly=True yet", hint="kgc compiles every step.")
        if steps_per_execution != 1:
            raise ArgumentError("compile() does not support steps_per_execution yet", received=repr(steps_per_execution))
        if jit_compile not in ("auto", True, None):
            raise ArgumentError("compile() always compiles", received=f"jit_compile={jit_compile!r}")
        if not auto_scale_loss:
            raise ArgumentError("compile() does not support auto_scale_loss=False yet")
        self.optimizer = optimizers.get(optimizer)
        self._compile_arguments = {
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile if jit_compile is not None else "auto",
        }
        self._resolved: Compiled | None = None
        self._steps: dict[Any, Any] = {}
        model: Any = self
        if model.has_graph:
            self._require_compiled("compile")  # what does not fit the outputs shows here
        model.forget_programs()

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return "_compile_arguments" in self.__dict__

    @property
    def metrics(self) -> list[Any]:
        """Loss trackers and metrics, once compiled."""
        model: Any = self
        return self._require_compiled("metrics").tracked() if self.compiled and model.has_graph else []

    @property
    def metrics_names(self) -> list[str]:
        """Names under which logs show them."""
        return [getattr(metric, "log_name", metric.name) for metric in self.metrics]

    @property
    def loss(self) -> Any:
        """The loss that `compile` was given."""
        return self._compile_arguments["loss"] if self.compiled else None

    def reset_metrics(self) -> None:
        """Forget what the metrics have seen."""
        self._require_compiled("reset_metrics").reset()

    def _check_compiled(self, what: str) -> None:
        if not self.compiled:
            raise GraphError(
                f"model '{self.name}' must be compiled before {what}()", hint="call `model.compile(loss=…, optimizer=…)`."
            )

    def _require_compiled(self, what: str) -> Compiled:
        """What `compile` was told, resolved against the outputs (so the model must be built)."""
        self._check_compiled(what)
        if self._resolved is None:
            model: Any = self
            given = self._compile_arguments
            keys = list(model.output) if isinstance(model.output, Mapping) else []
            self._resolved = Compiled(
                given["loss"],
                given["loss_weights"],
                given["metrics"],
                given["weighted_metrics"],
                _distinct_names(model),
                keys,
            )
        return self._resolved

    # Graphs
    def train_graph(self) -> Graph:
        """Inputs and targets to loss, logs and new state, as IR before any pass; targets as the losses imply them."""
        return self._loss_graph(True, None, None)[0]

    def test_graph(self) -> Graph:
        """Inputs and targets to loss and metrics, as IR before any pass."""
        return self._loss_graph(False, None, None)[0]

    def _loss_graph(
        self, training: bool, targets: list[TensorType | None] | None, weights: list[TensorType | None] | None
    ) -> tuple[Graph, dict[str, Any]]:
        compiled = self._require_compiled("fit" if training else "evaluate")
        model: Any = self
        with trace.Trace(f"{self.name}_{'train' if training else 'test'}", training) as tracing:
            values, outputs = model.trace_into(tracing)
            flat = list(tree.leaves(outputs))
            types = targets if targets is not None else compiled.target_types(flat)
            batch = values[0].shape[0]  # rows of targets and weights are those of the inputs
            labels = model.output_names if len(flat) > 1 else [""]
            y = [
                None if type_ is None else tracing.builder.input(f"y_{label}" if label else "y", with_batch(type_, batch))
                for label, type_ in zip(labels, types, strict=True)
            ]
            w = [
                None if type_ is None else tracing.builder.input(
                    f"weight_{label}" if label else "sample_weight", with_batch(type_, batch)
                )
                for label, type_ in zip(labels, weights or [None] * len(flat), strict=True)
            ]
            tracing.training_stack.append(None)
            extra = [*tracing.losses, *regularization(model.trainable_weights)]
            total, parts = compiled.total_loss(y, flat, w, extra)
            if total is None:
                raise GraphError(
                    f"model '{self.name}' has no loss to minimise", hint="give `compile(loss=…)`, or `add_loss` in a layer."
                )
            logs = compiled.record(total, parts, y, flat, w, values[0].shape[0])
            tracing.training_stack.pop()
            results = [total, *logs.values()] if training else list(logs.values())
            graph = tracing.finish(results, ["total", *logs] if training else list(logs))
        return graph, dict(tracing.variables)

    def _train_step(self, targets: list[Any], weights: list[Any]) -> TrainStep:
        model: Any = self
        trained = model.trainable_weights
        self.optimizer.build(trained)
        key = ("train", tuple(targets), tuple(weights), model.trainable_flags(), self.optimizer.program_key, *map(id, trained))
        found = self._steps.get(key)
        if found is None:
            graph, variables = self._loss_graph(True, targets, weights)
            names = {id(variable): name for name, variable in variables.items()}
            order = [names[id(variable)] for variable in trained]
            found = self._steps[key] = TrainStep(graph, variables, order, self.optimizer, self.optimizer.variables)
        return found

    def _test_program(self, targets: list[Any], weights: list[Any]) -> Program:
        model: Any = self
        key = ("test", tuple(targets), tuple(weights), model.trainable_flags())
        found = self._steps.get(key)
        if found is None:
            graph, variables = self._loss_graph(False, targets, weights)
            found = self._steps[key] = Program(graph, variables)
        return found

    # Loops
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
        compiled = self._require_compiled("fit")
        held: Data | None = None
        if validation_split and validation_data is None:
            leaves = [*data.x, *data.y, *data.weights]
            first, last = split(leaves, validation_split)
            data, held = data.replaced(first), data.replaced(last)
        elif validation_data is not None:
            held = self._validation(validation_data)
        source = data.source(_rows(batch_size), shuffle, seeds.generator, seeds.next_call("fit"))
        step = self._train_step(data.target_types(), data.weight_types())
        hooks = CallbackList(
            callbacks,
            add_history=True,
            add_progbar=verbose != 0,
            model=self,
            verbose=verbose,
            epochs=epochs,
            steps=steps_per_epoch or source.steps,
        )
        run = _TrainRun(step)
        validate = None
        if held is not None:
            check = held
            validate = lambda: self._evaluate(  # noqa: E731
                check, _rows(validation_batch_size, batch_size), validation_steps, 0, None
            )

        def begin_epoch(epoch: int) -> None:
            run.epoch, run.step = epoch, 0
            compiled.reset()

        def train(batch: Batch) -> dict[str, Any]:
            current = self._train_step(data.target_types(), data.weight_types()) if run.stale(self) else run.program
            run.program = current
            return run(batch)

        loop.fit(
            train,
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
                "fit() takes validation_data as (x, y) or (x, y, sample_weight)", received=f"{type(validation_data).__name__}"
            )
        x, y, weight = (*validation_data, None)[:3]
        return prepare(self, x, y, weight, None, "fit")

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
        names = program.source.output_names
        hooks = CallbackList(
            callbacks, add_history=False, add_progbar=verbose != 0, model=self, verbose=verbose, epochs=1, steps=steps or source.steps
        )

        def step(batch: Batch) -> dict[str, Any]:
            return dict(zip(names, program(_flat(batch), _address(program, 0, batch.index)), strict=True))

        return loop.evaluate(step, source, hooks, begin=compiled.reset, steps=steps)

    def _as_list(self, logs: Mapping[str, Any]) -> Any:
        names = [name for name in self.metrics_names if name in logs]
        values = [logs[name] for name in [*names, *(name for name in logs if name not in names)]]
        return values[0] if len(values) == 1 else values

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: Any = "auto", steps: int | None = None, callbacks: Any = None
    ) -> Any:
        """The outputs for arrays, as NumPy arrays nested as the model's outputs.

        Raises:
            DataError: data that do not fit the model.
        """
        check_running_allowed("predict")
        model: Any = self
        data = prepare(self, x, None, None, None, "predict")
        source = data.source(_rows(batch_size), False, None, 0)
        program = model.program(False)
        hooks = CallbackList(
            callbacks, add_history=False, add_progbar=verbose != 0, model=self, verbose=verbose, epochs=1, steps=steps or source.steps
        )
        return loop.predict(
            lambda batch: program(batch.x, _address(program, 0, batch.index)),
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
        address = np.array([seeds.word(), TRAIN, 0xFFFFFFFF, seeds.next_call("train_on_batch")], np.uint32)
        return self._result(step(_flat(batch), address), return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics over all batches since `reset_metrics`, this one included."""
        check_running_allowed("test_on_batch")
        self._check_compiled("test_on_batch")
        data = prepare(self, x, y, sample_weight, None, "test_on_batch")
        program = self._test_program(data.target_types(), data.weight_types())
        batch = next(data.source(max(data.rows, 1), False, None, 0).batches(0))
        values = program(_flat(batch), _address(program, 0, 0))
        return self._result(dict(zip(program.source.output_names, values, strict=True)), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, as NumPy arrays."""
        check_running_allowed("predict_on_batch")
        model: Any = self
        data = prepare(self, x, None, None, None, "predict_on_batch")
        program = model.program(False)
        batch = next(data.source(max(data.rows, 1), False, None, 0).batches(0))
        return tree.pack(model.output, [np.asarray(leaf) for leaf in program(batch.x, _address(program, 0, 0))])

    def _result(self, logs: dict[str, Any], return_dict: bool) -> Any:
        floats = {name: float(value) for name, value in logs.items()}
        return floats if return_dict else self._as_list(floats)


class _TrainRun:
    """The steps of one `fit`: which program, and the address of each step's random numbers."""

    def __init__(self, program: TrainStep) -> None:
        self.program, self.epoch, self.step = program, 0, 0
        self._seed = seeds.word()
        self._seen: Any = None

    def stale(self, model: Any) -> bool:
        """Whether a callback changed what the program was compiled for (a schedule, a frozen layer)."""
        key = (model.optimizer.program_key, model._trainable)
        changed, self._seen = self._seen is not None and key != self._seen, key
        return changed

    def __call__(self, batch: Batch) -> dict[str, Any]:
        address = np.array([self._seed, TRAIN, self.epoch, self.step], np.uint32)
        self.step += batch.steps
        return self.program(_flat(batch), address)


def _rows(*sizes: Any) -> Any:
    """The first batch size that was given; 32 when none was."""
    return next((size for size in sizes if size is not None), 32)


def _flat(batch: Batch) -> tuple[Any, ...]:
    return (*batch.x, *batch.y, *(weight for weight in batch.weights if weight is not None))


def _address(program: Program, epoch: int, step: int) -> Any:
    if not program.random:
        return None
    return np.array([seeds.word(), CALL, epoch, step], np.uint32)


def _distinct_names(model: Any) -> list[str]:
    """Names of the outputs, made distinct where one layer gives several."""
    names: list[str] = []
    for name in model.output_names:
        count, candidate = 0, name
        while candidate in names:
            count += 1
            candidate = f"{name}_{count}"
        names.append(candidate)
    return names


