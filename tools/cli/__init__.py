"""The `kgc` command: one small module a subcommand, loaded only when it is called.

`kgc --help` and `kgc --version` load neither JAX nor any command. A command is a module of this package with
`configure(parser)`, which declares its arguments, and `run(args) -> int`, which does the work; `run` imports what it
uses, so that the help of a command needs no JAX either.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from ... import __version__
from .failure import Failure, report

COMMANDS = {
    "compile": "compile a model, and show what it became",
    "opt": "run passes on IR text",
    "check": "check models without data",
    "diff": "compare two models, artifacts or files of IR",
    "explain": "show where time and memory go",
    "bench": "time a model",
    "plot": "draw a model",
    "run": "run an artifact on arrays from a file",
    "inspect": "show what is in an artifact",
}
"""Name of each command, which is also its module here, and its line in `kgc --help`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (without the program's name; by default that of the process).

    Returns the exit status: 0, 1 when the command failed, 2 for wrong usage, 130 when interrupted, 141 when the reader
    of the output went away. Errors are one message on stderr; `--debug` adds the traceback.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = False
    try:
        parser = _parser(arguments)
        args = parser.parse_args(arguments)
        if args.command is None:
            parser.print_help(sys.stderr)
            return 2
        debug = args.debug
        status: int = importlib.import_module(f"{__name__}.{args.command}").run(args)
        sys.stdout.flush()
        return status
    except SystemExit as stop:  # argparse: help, version, wrong usage
        return stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    except BrokenPipeError:
        _drop_stdout()
        return 141
    except KeyboardInterrupt:
        if debug:
            raise
        print("kgc: interrupted", file=sys.stderr)
        return 130
    except Failure as failure:
        report(failure, debug)
        return failure.status
    except Exception as error:
        report(error, debug)
        return 1


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The parser; only the command that `arguments` name is loaded and fully declared."""
    parser = argparse.ArgumentParser(prog="kgc", description="Compile Keras-style models with JAX.")
    parser.add_argument("--version", action="version", version=f"kgc {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, line in COMMANDS.items():
        command = commands.add_parser(name, help=line)
        if name in arguments:
            module = importlib.import_module(f"{__name__}.{name}")
            command.description = module.__doc__
            command.formatter_class = argparse.RawDescriptionHelpFormatter
            module.configure(command)
            command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _drop_stdout() -> None:
    """Point stdout at nothing, or the interpreter complains again when it flushes at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # stdout is no file: then there is nothing to flush either
        pass
