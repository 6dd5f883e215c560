"""What `model.export(…, training=True)` puts into an artifact beside the model: how it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...compiler.errors import ArgumentError
from ...runtime import seeds
from ...runtime.artifact.training_writer import Trained
from ...runtime.optimizer_update import AVERAGE
from ...runtime.program import data_names
from ...runtime.step import TrainStep
from ..loss_scale import LossScaleOptimizer
from ..optimizers import OptaxOptimizer
from ..variable import Variable


def trained(model: Any, output_names: Sequence[str]) -> Trained:
    """The train step as the losses imply its targets, and where all that it changes lives.

    Args:
        model: compiled.
        output_names: what the artifact calls the outputs.

    Raises:
        GraphError: it is not compiled, or has no loss.
        ArgumentError: its optimizer is an optax transformation.
    """
    compiled = model._require_compiled("export(training=True)")
    optimizer = model.optimizer
    inner: Any = optimizer.inner_optimizer if isinstance(optimizer, LossScaleOptimizer) else optimizer
    if isinstance(inner, OptaxOptimizer):
        raise ArgumentError(
            f"'{model.name}' is trained by an optax transformation, whose update and state no file of kgc's names",
            received=f"optimizer={inner.name}",
            hint="compile with one of `kgc.optimizers`, or export for inference (without `training=True`).",
        )
    weights = model.trainable_weights
    optimizer.build(weights)
    graph, variables = model._loss_graph(True, None, None)
    names = {id(variable): name for name, variable in variables.items()}
    order = [names[id(variable)] for variable in weights]
    step = TrainStep(graph, variables, order, optimizer, optimizer.variables)
    wanted = [name for name, loss in zip(output_names, compiled.losses, strict=True) if loss is not None]
    targets = data_names(graph)[len(model.inputs) :]
    rate = inner._rate
    slots = inner._slots
    return Trained(
        step,
        labels={id(variable): variable.path.replace("/", ".") for variable in optimizer.variables},
        targets=dict(zip(targets, wanted, strict=True)),
        rate=rate if isinstance(rate, Variable) else None,
        iterations=inner._iterations,
        metrics=_begun(compiled),
        averages=[(variable, slots[id(variable)][1][AVERAGE]) for variable in weights] if inner.use_ema else [],
        seed=seeds.seed(),
        runs={name: seeds.calls(name) for name in ("fit", "train_on_batch")},
    )


def _begun(compiled: Any) -> list[tuple[Any, Any]]:
    """The metrics' variables, and what they are when an epoch begins; they stay as they are."""
    variables = [variable for metric in compiled.tracked() for variable in metric.variables]
    before = [variable.copy() for variable in variables]
    try:
        compiled.reset()
        return [(variable, variable.copy()) for variable in variables]
    finally:
        for variable, array in zip(variables, before, strict=True):
            variable.write(array)
