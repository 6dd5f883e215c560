"""Show where the time and the memory of a model go, by layer and by line: counted, predicted, and measured if asked.

    kgc explain model.py --batch 64            # a step of training, if the model is compiled; else predict
    kgc explain model.py --mode predict --measure
    kgc explain model.kgc --json

Counted are operations (as XLA counts them) and the bytes that kernels move; time and peak memory are predicted from
them and from what this machine can do, which is measured once, in some ten seconds, and kept in the cache folder
($KGC_CACHE, else ~/.cache/kgc). --measure runs the program on made-up data and asks XLA for its memory, too.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import subject
from .failure import Failure


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="SOURCE", help=subject.HELP)
    parser.add_argument("--batch", metavar="N", type=int, default=32, help="rows (default: 32)")
    parser.add_argument(
        "--mode", choices=("predict", "train"), help="default: train for a compiled model, else predict"
    )
    parser.add_argument("--measure", action="store_true", help="run the program too, on made-up data")
    parser.add_argument("--json", action="store_true", help="print JSON: seconds, bytes and counts")
    parser.add_argument(
        "--size",
        metavar="INPUT.AXIS=N",
        action="append",
        default=[],
        help="another axis that the model leaves open, title.1=100 (default: 32)",
    )
    parser.add_argument("--recalibrate", action="store_true", help="measure this machine anew")
    parser.add_argument("--consts", metavar="FILE.npz", type=Path, help="constants that stand beside IR text")


def run(args: argparse.Namespace) -> int:
    """Print what the program of `args.source` costs."""
    if args.batch < 1:
        raise Failure(f"--batch is a number of rows: got {args.batch}", status=2)
    sizes = dict(map(_size, args.size))
    from ...compiler.graph import Graph
    from ..explain import machine, report, table

    with subject.open_subject(args.source, args.consts) as found:
        trained = not isinstance(found, Graph) and found.compiled
        if isinstance(found, Graph) and args.mode == "train":
            raise Failure(f"{args.source} is a graph, and no model, so only --mode predict can be explained", status=2)
        if args.mode == "train" and not trained:
            raise Failure(
                f"model {found.name!r} is not compiled, and --mode train needs loss and optimizer; "
                "call `model.compile(loss=…)` in the file"
            )
        if not isinstance(found, Graph) and not found.has_graph:
            raise Failure(f"{type(found).__name__} {found.name!r} has no input shape yet: give it an `Input`")
        mode = args.mode or ("train" if trained else "predict")
        rates = machine.load(args.recalibrate, _progress)
        made = report.explain(found, mode, args.batch, rates, sizes, args.measure)
    print(json.dumps(made.plain(), indent=1, ensure_ascii=False) if args.json else table.text(made))
    return 0


def _size(given: str) -> tuple[str, int]:
    place, _, number = given.partition("=")
    if "." not in place or not number.isdigit() or int(number) < 1:
        raise Failure(f"--size is INPUT.AXIS=N, as in title.1=100: got {given!r}", status=2)
    return place, int(number)


def _progress(text: str) -> None:
    """How far measuring the machine is: one line that is written over on a terminal, else only its end."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text.endswith("\n"):
        print(text, end="", file=sys.stderr, flush=True)
