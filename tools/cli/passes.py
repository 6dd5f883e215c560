"""What commands that run passes share: the arguments that choose them, and looking on while they run."""

from __future__ import annotations

import argparse
import difflib
import sys
import time
from typing import TYPE_CHECKING

from . import text
from .failure import Failure

if TYPE_CHECKING:
    from ...compiler.graph import Graph


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare what `Watch` looks at; `--passes` differs between commands."""
    parser.add_argument("--print-after", metavar="PASS", help="print the IR after this pass too, or after `all`")
    parser.add_argument(
        "--diff", action="store_true", help="print what the passes changed, in place of the IR (or of --print-after's)"
    )
    parser.add_argument("--time-passes", action="store_true", help="say on stderr how long each pass took")


def chosen(given: str | None, known: list[str], what: str) -> list[str] | None:
    """The passes of a comma-separated list; None for all of them.

    Args:
        given: as the user wrote it; '-' in a name stands for '_'.
        known: names of the passes that may run.
        what: says for which ("those for --mode train").

    Raises:
        Failure: a name is unknown.
    """
    if given is None:
        return None
    names = [name.strip().replace("-", "_") for name in given.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise Failure(f"there is no pass {name!r}; {what} are: {', '.join(known)}", status=2)
    return names


class Watch:
    """Looks at a graph while passes run: prints it, its changes, or the time that each pass took, as the user asked.

    Args:
        args: with `print_after`, and `diff` and `time_passes` where the command has them.
        running: names of the passes that will run.

    Raises:
        Failure: the pass to print after does not run.
    """

    def __init__(self, args: argparse.Namespace, running: list[str]) -> None:
        wanted: str | None = args.print_after
        self._after = wanted.replace("-", "_") if wanted is not None else None
        if self._after not in (None, "all", *running):
            names = ", ".join(running)
            raise Failure(f"no pass {self._after!r} is run; --print-after takes all, {names}", status=2)
        self._diff, self._timed = bool(args.diff), bool(args.time_passes)
        self._before: Graph | None = None
        self._first: Graph | None = None
        self._clock = 0.0
        self._rows: list[tuple[str, float, int, int]] = []

    @property
    def wanted(self) -> bool:
        """Whether there is anything to see."""
        return self._after is not None or self._diff or self._timed

    def start(self, graph: Graph) -> None:
        """The passes begin, on this graph."""
        self._before = self._first = graph
        self._clock = time.perf_counter()

    def __call__(self, name: str, graph: Graph) -> None:
        """A pass has run, and this is what it made: for `optimize(after=…)`."""
        took = time.perf_counter() - self._clock
        before = self._before or graph
        self._rows.append((name, took, len(before.nodes), len(graph.nodes)))
        if self._after in (name, "all"):
            if self._diff:
                sys.stdout.write(_changes(f"before {name}", before, f"after {name}", graph))
            else:
                sys.stdout.write(f"// after {name}\n{graph}\n\n")
        self._before = graph
        self._clock = time.perf_counter()

    def finish(self, graph: Graph) -> None:
        """The passes have ended, with this graph as the last."""
        if self._diff and self._after is None and self._first is not None:
            sys.stdout.write(_changes("as traced", self._first, "after all passes", graph))
        if self._timed:
            total = sum(row[1] for row in self._rows)
            rows = [*self._rows, ("in all", total, self._rows[0][2] if self._rows else 0, len(graph.nodes))]
            width = max(len(row[0]) for row in rows)
            print(f"{'pass'.ljust(width)}        ms   ops before   after", file=sys.stderr)
            for name, took, before, after in rows:
                print(f"{name.ljust(width)}  {took * 1e3:8.2f}   {before:10d}  {after:6d}", file=sys.stderr)


def _changes(old_name: str, old: Graph, new_name: str, new: Graph) -> str:
    """A unified diff of two graphs; a comment where they are equal."""
    shown = list(difflib.unified_diff(text.lines(old), text.lines(new), old_name, new_name, lineterm="", n=2))
    return "\n".join(shown) + "\n" if shown else f"// {new_name}: nothing changed\n"
