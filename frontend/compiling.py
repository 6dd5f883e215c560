"""`compile`: what a model is told about training, and the train and test graphs that follow from it.

The train graph takes inputs, targets and sample weights to the loss, the logs and the new state, all in ops, so that
passes see it whole; `runtime.step` adds gradient and update.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

from ..compiler.errors import ArgumentError, GraphError
from ..compiler.graph import Graph
from ..compiler.types import TensorType
from ..runtime.memory import parse_limit
from ..runtime.program import Program
from ..runtime.stacking import Roll, check_roll
from ..runtime.step import TrainStep
from ..runtime.warning import warn
from . import optimizers, trace, tree
from .compiled import Compiled, regularization, with_sizes
from .loss_scale import LossScaleOptimizer


class Compiling:
    """What `Model` is told by `compile`, and the graphs and programs that follow from it."""

    name: str
    optimizer: Any = None
    history: Any = None
    stop_training = False
    stop_evaluating = False
    stop_predicting = False
    run_eagerly = False
    jit_compile = True
    steps_per_execution = 1
    roll: Roll = "auto"
    _memory_limit: int | None = None

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
        roll: Roll = "auto",
        memory_limit: Any = None,
    ) -> None:
        """Say how to train.

        Args:
            optimizer: name, optimizer, or optax transformation.
            loss: name, loss, function `(y_true, y_pred)`, or a list or dict of those by output.
            loss_weights: number for each output's loss.
            metrics, weighted_metrics: lists of names, metrics or functions; the second see sample weights.
            run_eagerly: for looking into layers: before each step, every `call`, loss and metric runs on the arrays of
                that step, so that `print`, breakpoints and NumPy see numbers; then the step's ops run one by one,
                as with `jit_compile=False`.  The results are those of the graph, which was traced before, from
                tensors without values: what `call` computes differently from call to call changes nothing.  Slow.
            steps_per_execution: number of steps in one program, a loop on the device.  Batch hooks of callbacks are
                called once for so many steps.  It saves the time between steps, which counts where they are short
                (the MLP of the guide takes half as long with 8); the numbers stay the same.  With convolutions on the
                CPU the steps of one execution are dispatched one by one (see `runtime.step.TrainStep`), and so are
                those of evaluate and predict.
            jit_compile: "auto" and True compile each step to one program; with False its ops run one by one, which is
                slow, and shows which of them fails or takes its time.
            auto_scale_loss: whether the optimizer of a "mixed_float16" model is put into a `LossScaleOptimizer`, unless
                it scales the loss itself.
            roll: whether equal blocks of layers that follow each other become one loop, which a deep model is traced
                and compiled far faster with.  "auto" does it where compiling is predicted to take so much less as the
                steps of a `fit` will not lose (a later `fit` of many more steps may compile anew), and not for the
                training of convolutions on the CPU; "always" wherever it is possible, "never" nowhere.
                Weights, files, summaries and results stay as they are (sums in another order differ by rounding).
                `decisions()` says what was done, and why.
            memory_limit: what a training step may take of the device's memory: "2GB", "512 MiB", or a number of bytes.
                Where a step needs more, some of what its gradient needs is not kept but computed again, as little of
                it as will do; then the results stay as they are (but for rounding) and a step takes up to about a third
                longer.  Counted are parameters, optimizer, the data of one program and what the program needs beside,
                as XLA has it, and this is checked before the first step on data of any new shape; where it cannot be
                met, that step raises.  It concerns training only: `evaluate` and `predict` keep nothing.

        Raises:
            ArgumentError: an identifier is unknown, or does not fit the model's outputs.
        """
        steps_per_execution = _steps_per_execution(steps_per_execution)
        check_roll(roll)
        limit = parse_limit(memory_limit)
        if run_eagerly or jit_compile is False:
            _refuse_limit(limit, run_eagerly, jit_compile)
        if jit_compile not in ("auto", True, False, None):
            raise ArgumentError(
                "compile() takes jit_compile as True, False or 'auto'",
                received=f"{jit_compile=}",
                hint="leave it out: every step is one program of XLA's.",
            )
        model: Any = self
        self._refuse_overrides()
        chosen = optimizers.get(optimizer)
        scaled = isinstance(chosen, LossScaleOptimizer) or chosen.loss_scale_factor is not None
        if auto_scale_loss and model.dtype_policy.name == "mixed_float16" and not scaled:
            chosen = LossScaleOptimizer(chosen)
        given = {
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile if jit_compile is not None else "auto",
        }
        # What does not fit the outputs shows here, and leaves an earlier `compile` in force.
        self._resolved: Compiled | None = self._resolve(given) if model.has_graph else None
        self.optimizer, self._compile_arguments = chosen, given
        if run_eagerly and jit_compile is True:
            warn("compile() with run_eagerly=True compiles no step, also with jit_compile=True.", "leave one out.")
        self.run_eagerly, self.steps_per_execution = bool(run_eagerly), steps_per_execution
        self.jit_compile = jit_compile is not False and not run_eagerly
        self.roll = roll
        self._memory_limit = limit
        self._steps: dict[Any, Any] = {}
        model.forget_programs()

    def _refuse_overrides(self) -> None:
        """A subclass's own `train_step` and the like would never be called: say so."""
        for name in _NOT_CALLED:
            if hasattr(type(self), name):
                raise ArgumentError(
                    f"kgc does not call `{name}` of model classes yet",
                    received=f"class {type(self).__name__} with its own {name}",
                    hint="use a loss, metric, optimizer or callback of your own, or write the loop yourself.",
                )

    def forget_compiled(self) -> None:
        """Resolve and trace what `compile` was told anew at the next use."""
        if self.compiled:
            self._resolved = None
            self._steps.clear()

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return "_compile_arguments" in self.__dict__

    @property
    def compiles_steps(self) -> bool:
        """Whether each step is one program; otherwise its ops run one by one."""
        return self.jit_compile and not self.run_eagerly

    @property
    def metrics(self) -> list[Any]:
        """Loss trackers and metrics, once compiled."""
        model: Any = self
        return self._require_compiled("metrics").tracked() if self.compiled and model.has_graph else []

    @property
    def metrics_names(self) -> list[str]:
        """Names under which logs show them."""
        model: Any = self
        return list(self._require_compiled("metrics").tracked_names()) if self.compiled and model.has_graph else []

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
                f"model '{self.name}' must be compiled before {what if what.endswith(')') else f'{what}()'}",
                hint="call `model.compile(loss=…, optimizer=…)`.",
            )

    def _require_compiled(self, what: str) -> Compiled:
        """What `compile` was told, resolved against the outputs (so the model must be built)."""
        self._check_compiled(what)
        if self._resolved is None:
            self._resolved = self._resolve(self._compile_arguments)
        return self._resolved

    def _resolve(self, given: Mapping[str, Any]) -> Compiled:
        model: Any = self
        keys = list(model.output) if isinstance(model.output, Mapping) else []
        return Compiled(
            given["loss"],
            given["loss_weights"],
            given["metrics"],
            given["weighted_metrics"],
            _distinct_names(model),
            keys,
        )

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
                None
                if type_ is None
                else tracing.builder.input(f"y_{label}" if label else "y", with_sizes(type_, batch, output.type))
                for label, type_, output in zip(labels, types, flat, strict=True)
            ]
            w = [
                None
                if type_ is None
                else tracing.builder.input(
                    f"weight_{label}" if label else "sample_weight", with_sizes(type_, batch, output.type)
                )
                for label, type_, output in zip(labels, weights or [None] * len(flat), flat, strict=True)
            ]
            tracing.training_stack.append(None)
            extra = [*tracing.losses, *regularization(model.trainable_weights)]
            total, parts = compiled.total_loss(y, flat, w, extra)
            if total is None and training:
                raise GraphError(
                    f"model '{self.name}' has no loss to minimise",
                    received="compile(loss=None)",
                    hint="give `compile(loss=…)`, or `add_loss` in a layer.",
                )
            logs = compiled.record(total, parts, y, flat, w, values[0].shape[0])
            tracing.training_stack.pop()
            results = [total, *logs.values()] if training else list(logs.values())
            graph = tracing.finish(results, ["total", *logs] if training else list(logs))
        return graph, dict(tracing.variables)

    def train_program(self) -> TrainStep:
        """The train step for targets as the losses imply them."""
        return self._train_step(None, None)

    def _train_step(
        self,
        targets: list[Any] | None,
        weights: list[Any] | None,
        steps: int | None = None,
        rows: int | None = None,
    ) -> TrainStep:
        """The step on such targets and weights; one for about so many steps of so many rows, where that is known."""
        model: Any = self
        trained = model.trainable_weights
        self.optimizer.build(trained)
        optimizer = (id(self.optimizer), self.optimizer.program_key)
        jit = self.compiles_steps
        types = None if targets is None else tuple(targets), None if weights is None else tuple(weights)
        key = ("train", jit, *types, model.trainable_flags(), optimizer, *map(id, trained))
        found = self._steps.get(key)
        if found is None or (steps or 0) > found.lasts or found.outdated:
            if not jit:  # switched after `compile`
                _refuse_limit(self._memory_limit, self.run_eagerly, self.jit_compile)
            graph, variables = self._loss_graph(True, targets, weights)
            names = {id(variable): name for name, variable in variables.items()}
            order = [names[id(variable)] for variable in trained]
            found = self._steps[key] = TrainStep(
                graph,
                variables,
                order,
                self.optimizer,
                self.optimizer.variables,
                jit=jit,
                roll=self.rolls,
                steps=steps,
                rows=rows,
                memory_limit=self._memory_limit,
            )
        return found

    def _test_program(self, targets: list[Any], weights: list[Any]) -> Program:
        model: Any = self
        key = ("test", tuple(targets), tuple(weights), model.trainable_flags(), *map(id, model.trainable_weights))
        found = self._steps.get(key)
        if found is None:
            graph, variables = self._loss_graph(False, targets, weights)
            found = self._steps[key] = Program(graph, variables, roll=self.rolls)
        return found

    @property
    def rolls(self) -> Roll:
        """What programs are told of `roll`: ops that run one by one are to be those of the layers."""
        return self.roll if self.compiles_steps else "never"

    def decisions(self) -> dict[str, list[str]]:
        """What was decided when the model's programs were made, by what they are for: "train", "test", "predict", …

        A program is made when it is first needed; what was not needed yet is not there."""
        model: Any = self
        found: dict[str, list[str]] = {}
        for key, program in self.__dict__.get("_steps", {}).items():
            known = found.setdefault(key[0], [])
            known.extend(note for note in program.decisions if note not in known)
        for (training, *_), program in (model.functional.programs() if model.has_graph else {}).items():
            found["call in training" if training else "predict"] = list(program.decisions)
        return found


_NOT_CALLED = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics", "make_train_function")


def _refuse_limit(limit: int | None, run_eagerly: bool, jit_compile: Any) -> None:
    if limit is not None:
        raise ArgumentError(
            "compile() takes memory_limit for steps that are one program, and here their ops run one by one",
            received=f"{run_eagerly=}, {jit_compile=}",
            hint="leave memory_limit out while you look into layers.",
        )


def _steps_per_execution(value: Any) -> int:
    try:
        steps = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        steps = 0
    if steps < 1:
        raise ArgumentError(
            "compile() takes steps_per_execution as an integer of at least 1",
            received=f"steps_per_execution={value!r}",
            hint="a number between 8 and 32 helps where a step takes less than a millisecond.",
        )
    return steps


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
