"""Compile a model, and show what it became: IR, or any form from layers to what XLA runs.

    kgc compile model.py                                 # IR after all passes, as predict() runs it
    kgc compile model.py --mode train --print-after all
    kgc compile model.py --diff --time-passes            # what the passes changed, and how long each took
    kgc compile model.py --emit stablehlo --platforms cpu,tpu
    kgc compile model.py --emit hlo --batch 64
    kgc compile model.py --paranoid                      # are the numbers the same after every pass?
    kgc compile model.py --emit artifact -o model.kgc

A Python file is run as a module, never as __main__; it may define models but not train them. With several models,
name one: model.py:encoder. IR text is a graph as any other, without weights.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import emit, passes, subject, text
from .failure import Failure

if TYPE_CHECKING:
    from ...compiler.graph import Graph
    from ...frontend.functional import Model
    from ...runtime.program import Program
    from ...runtime.step import TrainStep

_VARIABLE = "KGC_PARANOID"
_LOWERED = ("jaxpr", "stablehlo", "hlo")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="SOURCE", help=subject.HELP)
    forms = "; ".join(f"{name}: {line}" for name, line in emit.FORMS.items())
    parser.add_argument("--emit", choices=tuple(emit.FORMS), default="ir", metavar="FORM", help=forms)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--no-passes", action="store_true", help="show the IR as it was traced")
    which.add_argument("--passes", metavar="A,B", help="run these passes only, in this order")
    parser.add_argument(
        "--mode",
        choices=("predict", "train"),
        default="predict",
        help="default: predict; train has targets, loss, metrics and new state, and in --emit jaxpr, stablehlo and hlo "
        "of a model gradients and the optimizer's update too",
    )
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="write the result here, not on stdout")
    parser.add_argument("--batch", metavar="N", type=int, help="the batch size, otherwise left open")
    parser.add_argument("--platforms", metavar="A,B", help=f"for StableHLO and artifacts: {', '.join(emit.PLATFORMS)}")
    parser.add_argument("--consts", metavar="FILE.npz", type=Path, help="constants that stand beside IR text")
    parser.add_argument(
        "--roll",
        choices=("auto", "always", "never"),
        help="whether equal blocks become loops, in place of what the model's compile() was told",
    )
    parser.add_argument(
        "--paranoid", action="store_true", help="evaluate before and after each pass, and name the one that breaks it"
    )
    passes.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Compile `args.source`."""
    from ...compiler import pipeline

    _check(args)
    training = args.mode == "train"
    wanted = emit.platforms(args.platforms)
    with subject.open_subject(args.source, args.consts) as found, _paranoid(args.paranoid):
        # Only now: the file may register passes of its own.
        chosen = passes.chosen(args.passes, pipeline.names(training), f"those for --mode {args.mode}")
        running = pipeline.names(training, asked=False) if chosen is None else chosen
        watch = passes.Watch(args, [] if args.no_passes else running)
        if args.emit == "artifact":
            return _export(found, args, wanted if args.platforms else None)
        made = _compiled(found, training, chosen, watch, args)
        if args.batch is not None:
            made.graph, made.sizes = _with_batch(made.graph, args.batch)
        shown = emit.text(args.emit, made, wanted)
    if (args.diff or args.print_after) and args.output is None:
        if args.diff and args.emit == "ir":
            return 0
        print("// final")
    if args.output is None:
        sys.stdout.write(shown)
    else:
        write_whole(args.output, shown)
    return 0


@contextlib.contextmanager
def _paranoid(asked: bool) -> Iterator[None]:
    """Within the block, every pipeline that runs is paranoid, those of the model's own programs too."""
    before = os.environ.get(_VARIABLE)
    if asked:
        os.environ[_VARIABLE] = "1"
    try:
        yield
    finally:
        if asked and before is None:
            del os.environ[_VARIABLE]


def _check(args: argparse.Namespace) -> None:
    """Refuse arguments that do not go together."""
    if args.no_passes and (args.print_after or args.diff or args.time_passes or args.paranoid):
        option = "--print-after" if args.print_after else "--diff" if args.diff else "--time-passes"
        option = "--paranoid" if args.paranoid else option
        raise Failure(f"{option} needs passes, and --no-passes runs none", status=2)
    if args.roll and (args.no_passes or args.passes):
        raise Failure("--roll is for all passes; in --passes, name roll_loops", status=2)
    if args.mode == "train" and args.source.endswith(".kgc"):
        raise Failure(f"--mode train is for models and IR text: the graph of {args.source} predicts", status=2)
    if args.platforms and args.emit not in ("stablehlo", "artifact"):
        raise Failure(f"--platforms is for --emit stablehlo and artifact, not for {args.emit}", status=2)
    if args.batch is not None and args.batch < 1:
        raise Failure(f"--batch takes a number of rows, 1 or more: got {args.batch}", status=2)
    if args.emit == "artifact":
        given = {
            "--passes": args.passes is not None,
            "--no-passes": args.no_passes,
            "--print-after": args.print_after is not None,
            "--diff": args.diff,
            "--time-passes": args.time_passes,
            "--batch": args.batch is not None,
            "--roll": args.roll is not None,
        }
        for option in (name for name, there in given.items() if there):
            raise Failure(f"{option} does not go with --emit artifact, which runs all passes for any batch", status=2)
        if args.output is None:
            raise Failure("--emit artifact writes a file: say which, -o model.kgc", status=2)


def _compiled(
    found: Model | Graph, training: bool, chosen: list[str] | None, watch: passes.Watch, args: argparse.Namespace
) -> emit.Made:
    from ...compiler import pipeline
    from ...compiler.graph import Graph

    if isinstance(found, Graph):
        if args.roll:
            raise Failure("--roll is for models: for IR text, name roll_loops in --passes", status=2)
        if args.no_passes:
            return emit.Made(found, (), None, {})
        watch.start(found)
        made = pipeline.optimize(found, chosen, training=training, after=watch)
        watch.finish(made.graph)
        return emit.Made(made.graph, made.notes, None, {})
    graph = _graph(found, training)
    if training and args.emit in _LOWERED and (args.no_passes or chosen is not None):
        raise Failure(f"--emit {args.emit} --mode train shows the whole step, after all passes", status=2)
    if args.no_passes:
        return emit.Made(graph, (), None, {})
    if chosen is not None:
        watch.start(graph)
        made = pipeline.optimize(graph, chosen, training=training, after=watch)
        watch.finish(made.graph)
        return emit.Made(made.graph, made.notes, None, {})
    program, notes = _as_run(found, training, args.roll)
    if watch.wanted:
        watch.start(graph)
        pipeline.optimize(graph, training=training, after=watch)
        watch.finish(program.graph)
    from ...runtime.step import TrainStep

    return emit.Made(program.graph, notes, program if isinstance(program, TrainStep) else None, {})


def _as_run(model: Model, training: bool, roll: Any) -> tuple[Program | TrainStep, Sequence[str]]:
    """The very program that predicts or trains, and what was decided about it, where that is worth saying.

    Whether equal blocks become loops depends on more than the graph: what is trained, the optimizer, the platform.
    """
    from ...runtime.stacking import IN_ALL

    if roll is not None:
        model.roll = roll
    program = model.train_program() if training else model.program(False)
    told = roll is not None or len(program.source.nodes) >= IN_ALL
    return program, program.decisions if told else ()


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


def _with_batch(graph: Graph, batch: int) -> tuple[Graph, dict[str, int]]:
    """The graph for so many rows, and the names of the sizes that were set."""
    from ...compiler.specialize import specialize

    sizes = dict.fromkeys(text.batches_of(graph), batch)
    if not sizes:
        raise Failure("--batch sets the inputs' first size, and no input has one that is open", status=2)
    return specialize(graph, **sizes), sizes


def _export(found: Model | Graph, args: argparse.Namespace, platforms: list[str] | None) -> int:
    from ...compiler.graph import Graph

    if isinstance(found, Graph):
        raise Failure(f"--emit artifact needs weights, and {args.source} has none; give a model", status=2)
    given: dict[str, Any] = {} if platforms is None else {"platforms": platforms}
    if args.mode == "train":
        given["training"] = True
    from .progress import working

    with working("writing the artifact"):
        found.export(str(args.output), **given)
    return 0


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all; a pipe or a device is written as it is."""
    from ...runtime.files import atomic_write

    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_text(text, encoding="utf-8")
            return
        with atomic_write(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror or error}") from error
