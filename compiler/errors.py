"""Every error a user of kgc can meet: what is wrong, where in their own code, what was received, and what to do.

All classes also derive from the built-in exception that Python or Keras would raise there, so `except ValueError`
keeps working.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from . import location

_SYMBOL = re.compile(r"(?<![\w'\"])([btdr])\d{4,}(?![\w'\"])")
"""The process-wide name of an unknown size (see `dims`)."""


class KgcError(Exception):
    """Base of kgc's errors.

    Args:
        what: one sentence that says what is wrong, naming the layer, op or argument.
        where: the user's line; by default the nearest frame outside kgc and JAX at the time of the raise.
        received: what was given, with types.
        hint: what to do instead.

    Unknown sizes in these texts get the names that a printed graph would give them: `b`, `t0`, `t1`.
    """

    def __init__(
        self,
        what: str,
        *,
        where: location.Location | None = None,
        received: str | None = None,
        hint: str | None = None,
    ) -> None:
        names: dict[str, str] = {}
        self.what = _renamed(what, names)
        self.where = where if where is not None else location.here()
        self.received = _renamed(received, names) if received is not None else None
        self.hint = _renamed(hint, names) if hint is not None else None
        super().__init__(self.what)

    def __str__(self) -> str:
        lines = [self.what]
        if self.where is not None:
            lines.append(f"  {self.where.describe()}")
        if self.received:
            lines.append(f"  Received: {self.received}")
        if self.hint:
            lines.append(f"  Hint: {self.hint}")
        return "\n".join(lines)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a name that is none of those known: the nearest of them, or all."""
    names = list(known)
    return did_you_mean(name, names) or f"names are: {', '.join(names)}."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that tells the nearest names; empty where none is near."""
    names = {one.lower(): one for one in known}
    near = [names[match] for match in difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)]
    return f"did you mean {', '.join(map(repr, near))}?" if near else ""


def shown(value: object) -> str:
    """A value of the user's in a few words for `received`: its class, then its shape and dtype, or itself."""
    name = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.").removeprefix("__main__.")
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if isinstance(shape, tuple):
        return f"{name} of shape {shape}" + (f", {dtype}" if dtype is not None else "")  # pyright: ignore[reportUnknownVariableType]
    text = " ".join(repr(value).split())
    return f"{name}: {text if len(text) <= 80 else text[:79] + '…'}"


def _renamed(text: str, names: dict[str, str]) -> str:
    def name(found: re.Match[str]) -> str:
        symbol, kind = found[0], found[1]
        if symbol not in names:
            count = sum(known[0] == kind for known in names)
            names[symbol] = "b" if kind == "b" and not count else f"{kind}{count}"
        return names[symbol]

    return _SYMBOL.sub(name, text)


class ShapeError(KgcError, ValueError):
    """Ranks or sizes that do not fit."""


class DTypeError(KgcError, TypeError):
    """A dtype, or a kind of object, that an operand cannot have."""


class GraphError(KgcError, ValueError):
    """Wiring: disconnected graphs, duplicate names, a symbolic tensor used as a number."""


class ArgumentError(KgcError, ValueError):
    """An argument with an illegal or unsupported value, or an unknown identifier."""


class DataError(KgcError, ValueError):
    """Data given to fit, evaluate or predict that does not fit the model or itself."""


class FileFormatError(KgcError, ValueError):
    """A file that is malformed, hostile, or of another model."""


class ArtifactError(FileFormatError):
    """An artifact that is malformed, damaged or hostile, or that this kgc cannot run."""


class IRError(KgcError, ValueError):
    """IR text that does not parse, or a graph that the verifier refuses."""
