"""A stretch of code in which nothing may train, evaluate or predict.

`kgc compile model.py` imports the user's file to find its models. A file that also trains at its top level would start
to train there; instead, each of fit, evaluate, predict and the batch methods asks here first, and the error names the
line that called it. The ban is a context variable: it holds for the thread that imports, and for no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..compiler.errors import GraphError

_ban: ContextVar[tuple[str, str | None] | None] = ContextVar("kgc_running_forbidden", default=None)


@contextmanager
def forbid_running(reason: str, hint: str | None = None) -> Iterator[None]:
    """Within the block, `check_running_allowed` raises.

    Args:
        reason: why, as the end of a sentence: "while model.py was being read".
        hint: what the user can do about it.
    """
    token = _ban.set((reason, hint))
    try:
        yield
    finally:
        _ban.reset(token)


def check_running_allowed(what: str) -> None:
    """Raise GraphError at the user's line if running is forbidden here.

    Args:
        what: the method that is about to run, such as "fit".
    """
    ban = _ban.get()
    if ban is not None:
        reason, hint = ban
        raise GraphError(f"{what}() was called {reason}", hint=hint)
