"""Check the models of a file without data: inputs, layers, losses, metrics and targets, as far as the file says them.

    kgc check model.py            # every model in the file
    kgc check model.py:encoder    # one of them
    kgc check model.keras

Each model is traced for inference; one that is compiled also with targets, loss and metrics, for training and for
evaluation; every graph is verified before and after the passes.  Ends with status 1, and one message with the line in
the file, where something does not fit: for editors and CI.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from . import source, text

if TYPE_CHECKING:
    from ...frontend.functional import Model


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="SOURCE", help=source.HELP)
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing of models that are in order")


def run(args: argparse.Namespace) -> int:
    """Check what `args.source` names; errors are raised as they come."""
    with source.open_models(args.source) as models:
        for name, model in models.items():
            said = _check(model)
            if not args.quiet:
                print(f"{name}: {said}")
    return 0


def _check(model: Model) -> str:
    from ...compiler import pipeline

    if not model.has_graph:
        return f"{type(model).__name__} '{model.name}' has no input shape yet, and is checked when it sees data"
    graph = pipeline.optimize(model.graph()).graph
    inputs = text.inputs_of(graph)
    said = f"{type(model).__name__} '{model.name}' ({', '.join(inputs)}) -> ({text.outputs_of(graph)})"
    if not model.compiled:
        return f"{said}; not compiled, so losses and metrics were not checked"
    train = pipeline.optimize(model.train_graph(), training=True).graph
    test = pipeline.optimize(model.test_graph()).graph
    known = {line.partition(":")[0] for line in inputs}
    more = [line for line in text.inputs_of(train) if line.partition(":")[0] not in known]
    targets = [line for line in more if not line.endswith("key[]")]
    logs = ", ".join(test.output_names)
    return f"{said}; trains on {', '.join(targets) or 'no targets'}; logs {logs}"
