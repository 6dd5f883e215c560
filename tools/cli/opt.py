"""Read IR text, run passes, print IR text.

    kgc opt model.ir                                   # all passes, as for a graph that predicts
    kgc opt model.ir --passes eliminate_common,prune_dead
    kgc compile model.py --no-passes | kgc opt - --print-after all
    kgc opt model.ir --paranoid                        # are the numbers the same after every pass?

Constants that stand beside the text (`const @name sha256:…`) are read from --consts, an .npz file of those names.
Parameters that a pass makes of old ones (a folded batch norm's) are told in comments behind the graph.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import passes, text
from .compile import write_whole
from .failure import Failure


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE.ir", help="IR text, or - for standard input")
    parser.add_argument("--passes", metavar="A,B", help="run these passes only, in this order")
    parser.add_argument("--consts", metavar="FILE.npz", type=Path, help="constants that stand beside the text")
    parser.add_argument("--train", action="store_true", help="run the passes that keep gradients only")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="write the final IR here, not on stdout")
    parser.add_argument(
        "--paranoid", action="store_true", help="evaluate before and after each pass, and name the one that breaks it"
    )
    passes.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Print the graph of `args.file` after the passes."""
    from ...compiler import pipeline

    known = pipeline.names(args.train)
    chosen = passes.chosen(args.passes, known, "those for training" if args.train else "the passes")
    watch = passes.Watch(args, known if chosen is None else chosen)
    graph = text.read(args.file, args.consts)
    watch.start(graph)
    made = pipeline.optimize(graph, chosen, training=args.train, after=watch, paranoid=args.paranoid or None)
    watch.finish(made.graph)
    for note in made.notes:
        if note.startswith("paranoid: "):
            print(f"kgc: {note}", file=sys.stderr)
    if args.diff and args.output is None:
        return 0
    if args.print_after and args.output is None:
        print("// final")
    shown = f"{str(made.graph).rstrip()}\n"
    if made.transform is not None:
        behind = "\n".join(f"// {line}" for line in str(made.transform).rstrip().splitlines())
        shown += f"\n// New parameters are made by\n{behind}\n"
    if args.output is None:
        sys.stdout.write(shown)
    else:
        if args.output.is_dir():
            raise Failure(f"{args.output} is a folder", status=2)
        write_whole(args.output, shown)
    return 0
