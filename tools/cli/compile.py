"""Print the IR of a model, before or after the compiler's passes.

A Python file is run as a module, never as __main__; it may define models but not train them. With several models,
name one: model.py:encoder.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import passes, source
from .failure import Failure

if TYPE_CHECKING:
    from ...compiler.graph import Graph
    from ...frontend.functional import Model


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="SOURCE", help=source.HELP)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--no-passes", action="store_true", help="print the IR as it was traced")
    which.add_argument("--passes", metavar="A,B", help="run these passes only, in this order")
    parser.add_argument("--mode", choices=("predict", "train"), default="predict", help="default: predict")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="write the final IR here, not on stdout")
    parser.add_argument(
        "--roll",
        choices=("auto", "always", "never"),
        help="whether equal blocks become loops, in place of what the model's compile() was told",
    )
    passes.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Print the graph of `args.source`."""
    from ...compiler import pipeline

    training = args.mode == "train"
    if args.no_passes and args.print_after:
        raise Failure("--print-after needs passes, and --no-passes runs none", status=2)
    if args.roll and (args.no_passes or args.passes):
        raise Failure("--roll is for all passes; in --passes, name roll_loops", status=2)
    chosen = passes.chosen(args.passes, pipeline.names(training), f"those for --mode {args.mode}")
    running = pipeline.names(training, asked=False) if chosen is None else chosen
    after = passes.printing(args.print_after, running)
    notes: Sequence[str] = ()
    with source.open_model(args.source) as model:
        graph = _graph(model, training)
        if chosen is not None or args.print_after:
            made = pipeline.optimize(graph, chosen, training=training, after=after)
            graph, notes = made.graph, made.notes
        if chosen is None and not args.no_passes:
            graph, notes = _as_run(model, training, args.roll)
        if args.print_after and args.output is None:
            print("// final")
        text = "".join(f"// {note}\n" for note in notes) + str(graph).rstrip("\n") + "\n"
    if args.output is None:
        sys.stdout.write(text)
    else:
        write_whole(args.output, text)
    return 0


def _as_run(model: Model, training: bool, roll: Any) -> tuple[Graph, Sequence[str]]:
    """The graph of the very program that predicts or trains, and what was decided about it, where that is worth saying.

    Whether equal blocks become loops depends on more than the graph: what is trained, the optimizer, the platform.
    """
    from ...runtime.stacking import IN_ALL

    if roll is not None:
        model.roll = roll
    program = model.train_program() if training else model.program(False)
    told = roll is not None or len(program.source.nodes) >= IN_ALL
    return program.graph, program.decisions if told else ()


def _graph(model: Model, training: bool) -> Graph:
    """The unoptimised graph; with losses, metrics and new state if it is to train."""
    if not training:
        return model.graph()
    if not model.compiled:
        raise Failure(
            f"model {model.name!r} is not compiled, and --mode train shows loss, metrics and new state; "
            "call `model.compile(loss=…)` in the file"
        )
    return model.train_graph()


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all; a pipe or a device is written as it is."""
    path = path.resolve()
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        # mkstemp makes the file private; what the user gets is what `open` would have made.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except BaseException as error:
        os.unlink(name)
        if isinstance(error, OSError):
            raise Failure(f"{path} cannot be written: {error.strerror}") from error
        raise
