"""Compare two models, artifacts or files of IR by their structure.

    kgc diff old.keras new.keras
    kgc diff model.py:small model.py:large
    kgc diff before.ir after.ir
    kgc diff model.py model.kgc --optimized

Says nothing and ends with status 0 where the graphs are equal up to the names of values; else prints what one has and
the other does not, inputs, parameters and ops in order, and ends with status 1.  Weights' values are not compared.
"""

from __future__ import annotations

import argparse
import difflib
import sys

from . import subject, text


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("old", metavar="A", help=subject.HELP)
    parser.add_argument("new", metavar="B", help="what to compare it with, likewise")
    parser.add_argument("--optimized", action="store_true", help="compare after all passes, not as traced")


def run(args: argparse.Namespace) -> int:
    """Print the difference; 1 where there is one."""
    from ...compiler import equality, pipeline

    with subject.open_subject(args.old) as a, subject.open_subject(args.new) as b:
        old, new = subject.graph_of(a), subject.graph_of(b)
        if args.optimized:
            old, new = pipeline.optimize(old).graph, pipeline.optimize(new).graph
        first = equality.difference(old, new)
        if first is None:
            return 0
        lines = difflib.unified_diff(text.lines(old), text.lines(new), args.old, args.new, lineterm="", n=2)
        shown = list(lines)
        sys.stdout.write("\n".join(shown) + "\n" if shown else f"{args.old} and {args.new} differ: {first}\n")
    return 1
