"""What an artifact's header says about training: the step, what it changes, and where the next one stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .fields import ArraySpec, Example, Fields, TensorSpec, Text, Wrong, array_fields, packed


@dataclass(frozen=True)
class TrainingHeader:
    """The map under `training` in the package's docstring.

    Attributes:
        step: IR from inputs and targets to logs and new state.
        params, state: its arrays, what it leaves as it is and what it changes; weights under the names of the model's.
        weights: IR from these to what passes made of the weights for the model's own IR; None where they are the same.
        targets: inputs of the step that are targets; `outputs` names the outputs that they belong to.
        logs: names of the step's outputs.
        rate: the state that is the learning rate, empty where it follows a schedule.
        iterations: the state that counts updates.
        metrics: state of metrics, as it is when an epoch begins.
        averages: state whose average is kept, and the state that keeps it.
        random: whether a step draws random numbers.
        seed: of these, and of the order of rows; `runs` counts calls by name, so that the next one draws others.
        example: inputs and targets, and the logs of two steps on them.
    """

    step: Text
    weights: Text | None
    params: list[ArraySpec]
    state: list[ArraySpec]
    targets: list[TensorSpec]
    outputs: list[str]
    logs: list[str]
    rate: str
    iterations: str
    metrics: list[ArraySpec]
    averages: list[tuple[str, str]]
    random: bool
    seed: int
    runs: Mapping[str, int]
    example: Example | str

    def fields(self) -> dict[str, Any]:
        """As msgpack takes it."""
        return {
            "step": self.step.fields(),
            "weights": None if self.weights is None else self.weights.fields(),
            "params": [array_fields(spec) for spec in self.params],
            "state": [array_fields(spec) for spec in self.state],
            "targets": [packed(spec) for spec in self.targets],
            "outputs": list(self.outputs),
            "logs": list(self.logs),
            "rate": self.rate,
            "iterations": self.iterations,
            "metrics": [array_fields(spec) for spec in self.metrics],
            "averages": [list(pair) for pair in self.averages],
            "random": self.random,
            "seed": self.seed,
            "runs": dict(self.runs),
            "example": self.example.fields() if isinstance(self.example, Example) else self.example,
        }

    def with_arrays(self, state: list[ArraySpec], runs: Mapping[str, int], example: Example | str) -> TrainingHeader:
        """The same after more training."""
        return replace(self, state=state, runs=dict(runs), example=example)


_KEYS = (
    "step", "weights", "params", "state", "targets", "outputs", "logs", "rate", "iterations", "metrics", "averages",
    "random", "seed", "runs", "example",
)  # fmt: skip


def read(take: Fields, value: Any) -> TrainingHeader:
    """The map as values; what it names must be in it.

    Raises:
        Wrong: it is not.
    """
    take.keys(value, "training", _KEYS)
    params, state = (take.arrays(value[key], key) for key in ("params", "state"))
    take.unique("params and state of training", [spec.name for spec in (*params, *state)])
    targets = [take.nested(item, 0) for item in take.list(value["targets"], "targets")]
    outputs, logs = take.texts(value["outputs"], "outputs"), take.texts(value["logs"], "logs")
    if not all(isinstance(spec, TensorSpec) for spec in targets) or len(outputs) != len(targets):
        raise Wrong("targets are one for each of some outputs")
    take.unique("targets", [spec.name for spec in targets])
    take.unique("outputs of targets", outputs)
    take.unique("logs", logs)
    specs = {spec.name: spec for spec in state}
    rate, iterations = take.text(value["rate"], "rate"), take.text(value["iterations"], "iterations")
    for name, dtype in ((rate, "float32"), (iterations, "int32")):
        if name and (name not in specs or (specs[name].dtype, specs[name].shape) != (dtype, ())):
            raise Wrong(f"{name!r:.80} is no {dtype} number of the state")
    metrics = take.arrays(value["metrics"], "metrics")
    take.unique("metrics", [spec.name for spec in metrics])
    averages: list[tuple[str, str]] = []
    for row in take.list(value["averages"], "averages"):
        pair = take.texts(row, "averages")
        kinds = [(specs[name].dtype, specs[name].shape) for name in pair if name in specs]
        if len(pair) != 2 or len(kinds) != 2 or kinds[0] != kinds[1]:
            raise Wrong("averages are pairs of state of one type")
        averages.append((pair[0], pair[1]))
    for spec in metrics:
        if spec.name not in specs or (specs[spec.name].dtype, specs[spec.name].shape) != (spec.dtype, spec.shape):
            raise Wrong("metrics are state")
    seed = take.count(value["seed"], "seed")
    runs = {name: take.count(count, "runs") for name, count in take.map(value["runs"], "runs").items()}
    if set(runs) != {"fit", "train_on_batch"} or max(seed >> 32, *runs.values()) >= 1 << 32:
        raise Wrong("numbers of runs, or the seed, are none")
    return TrainingHeader(
        take.ir(value["step"]),
        None if value["weights"] is None else take.ir(value["weights"]),
        params,
        state,
        targets,
        outputs,
        logs,
        rate,
        iterations,
        metrics,
        averages,
        take.of(bool, value["random"], "random"),
        seed,
        runs,
        take.example(value["example"]),
    )
