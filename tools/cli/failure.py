"""How a command fails: with one message on stderr, and the traceback only when it was asked for."""

from __future__ import annotations

import sys
import traceback


class Failure(Exception):
    """A command cannot go on; `str` of it is what the user is told.

    Args:
        message: the whole message; further lines are printed as they are.
        status: the exit status, 2 where the command line itself is wrong.
    """

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


def report(error: BaseException, debug: bool) -> None:
    """Print `error` on stderr: its message, named by its class unless it is a `Failure`."""
    if debug:
        traceback.print_exception(error)
        return
    text = str(error) if isinstance(error, Failure) else f"{type(error).__name__}: {_message(error)}"
    print(f"kgc: {text}", file=sys.stderr)


def _message(error: BaseException) -> str:
    """The message of an error, without a place in the program that started the command line."""
    where = getattr(error, "where", None)
    started_by = getattr(sys.modules.get("__main__"), "__file__", None)
    if where is None or where.file != started_by:
        return str(error)
    return str(error).replace(f"\n  {where.describe()}", "")
