"""Print the IR of a model, before or after the compiler's passes.

A Python file is run as a module, never as __main__; it may define models but not train them. With several models,
name one: model.py:encoder.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from . import source
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
    parser.add_argument("--print-after", metavar="PASS", help="print the IR after this pass too, or after `all`")
    parser.add_argument("--mode", choices=("predict", "train"), default="predict", help="default: predict")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="write the final IR here, not on stdout")


def run(args: argparse.Namespace) -> int:
    """Print the graph of `args.source`."""
    from ...compiler import pipeline

    training = args.mode == "train"
    chosen = _chosen(args, pipeline.names(training))
    with source.open_model(args.source) as model:
        graph = _graph(model, training)
        if not args.no_passes:

            def after(name: str, graph: Graph) -> None:
                if args.print_after in (name, "all"):
                    print(f"// after {name}\n{graph}\n")

            graph = pipeline.optimize(graph, chosen, training=training, after=after).graph
        if args.print_after and args.output is None:
            print("// final")
        text = str(graph).rstrip("\n") + "\n"
    if args.output is None:
        sys.stdout.write(text)
    else:
        write_whole(args.output, text)
    return 0


def _chosen(args: argparse.Namespace, known: list[str]) -> list[str] | None:
    """The passes that `--passes` asks for; None for all of them. `known` are those of this mode."""
    if args.no_passes and args.print_after:
        raise Failure("--print-after needs passes, and --no-passes runs none", status=2)
    chosen = None
    if args.passes is not None:
        chosen = [name.strip().replace("-", "_") for name in args.passes.split(",") if name.strip()]
        for name in chosen:
            if name not in known:
                listed = ", ".join(known)
                raise Failure(f"there is no pass {name!r}; those for --mode {args.mode} are: {listed}", status=2)
    if args.print_after:
        args.print_after = args.print_after.replace("-", "_")
        running = known if chosen is None else chosen
        if args.print_after not in ("all", *running):
            raise Failure(
                f"no pass {args.print_after!r} is run; --print-after takes all, {', '.join(running)}", status=2
            )
    return chosen


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
