"""Where in the user's code something happened.

A location is kept as (code object, instruction offset), which costs a tenth of a microsecond to take; the line is
looked up only when somebody wants to read it. The user's frame is the nearest one whose module belongs neither to kgc
nor to JAX, so scripts, `exec`, the REPL and notebooks all work.
"""

from __future__ import annotations

import functools
import linecache
import os
import sys
import types
from collections.abc import Callable, Sequence

_OURS = ("kgc", "jax", "jaxlib", "numpy", "optax", "importlib", "contextlib", "functools", "runpy", "threading")
_ours_by_module: dict[str, bool] = {}
_boundaries: set[types.CodeType] = set()
_traced: list[Callable[[], Location | None]] = []


class Location:
    """A place in the user's source, and the layer path (`scope`) that was being called there."""

    __slots__ = ("_code", "_file", "_lasti", "_line", "scope")

    def __init__(
        self,
        file: str | None = None,
        line: int | None = None,
        scope: str = "",
        *,
        code: types.CodeType | None = None,
        lasti: int = 0,
    ) -> None:
        self._file, self._line, self._code, self._lasti, self.scope = file, line, code, lasti, scope

    @property
    def file(self) -> str:
        """File name as Python knows it (`<stdin>` in a REPL)."""
        if self._file is None:
            self._file = self._code.co_filename if self._code is not None else "?"
        return self._file

    @property
    def line(self) -> int:
        """Line number, from 1; 0 when unknown."""
        if self._line is None:
            self._line = _line_of(self._code, self._lasti) if self._code is not None else 0
        return self._line

    def within(self, scope: str) -> Location:
        """The same place under another layer path."""
        if scope == self.scope:
            return self
        return Location(self._file, self._line, scope, code=self._code, lasti=self._lasti)

    def describe(self) -> str:
        """`model.py:14   y = layers.Dense(10)(x)`; the source text is left out where there is none."""
        text = linecache.getline(self.file, self.line).strip()
        return f"{self.file}:{self.line}" + (f"   {text}" if text else "")

    def key(self) -> tuple[str, int, str]:
        """What equality of locations means."""
        return (self.file, self.line, self.scope)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Location) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def __repr__(self) -> str:
        return f"Location({self.file}:{self.line}, {self.scope!r})"


def boundary(function: types.FunctionType) -> types.FunctionType:
    """Mark a function at which the search for the user's frame stops: beyond it lies `fit`, not the model's code."""
    _boundaries.add(function.__code__)
    return function


def traced_line(function: Callable[[], Location | None]) -> None:
    """Tell `here` what it asks at a tracing boundary when it has no default: the line that is being traced."""
    _traced[:] = [function]


def here(default: Location | None = None) -> Location | None:
    """The user's nearest frame; where a tracing boundary is met before one, `default` or the line being traced."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        ours = _ours_by_module.get(name)
        if ours is None:
            ours = _ours_by_module[name] = name.partition(".")[0] in _OURS
        if not ours:
            return Location(code=frame.f_code, lasti=frame.f_lasti)
        if frame.f_code in _boundaries:
            found = default if default is not None or not _traced else _traced[0]()
            if found is not None:
                return found
        frame = frame.f_back
    return default


def is_ours(module: str) -> bool:
    """Whether a module is kgc's, or one of those that stand between kgc and the user's code."""
    return module.partition(".")[0] in _OURS


def of_frames(
    codes: Sequence[types.CodeType], offsets: Sequence[int], default: Location | None = None
) -> Location | None:
    """As `here`, of a traceback that JAX kept (innermost frame first), which knows files but no modules."""
    for code, lasti in zip(codes, offsets, strict=True):
        if not is_our_file(code.co_filename):
            return Location(code=code, lasti=lasti)
        if default is not None and code in _boundaries:
            return default
    return default


@functools.cache
def is_our_file(file: str) -> bool:
    """As `is_ours`, by the name of a source file."""
    return file.startswith(("<frozen ", *_roots()))


@functools.cache
def _roots() -> tuple[str, ...]:
    here = os.path.dirname(os.path.abspath(__file__))
    # Beside these four lie tests and, in a checkout, whatever the user put there.
    found = [os.path.join(os.path.dirname(here), floor, "") for floor in ("compiler", "frontend", "runtime", "tools")]
    for name in _OURS:
        module = sys.modules.get(name)
        if module is not None and name != "kgc":
            found.append(
                os.path.join(os.path.dirname(module.__file__ or name), "")
                if hasattr(module, "__path__")
                else module.__file__ or name
            )
    return tuple(found)


def _line_of(code: types.CodeType, lasti: int) -> int:
    for start, end, line in code.co_lines():
        if start <= lasti < end and line is not None:
            return line
    return code.co_firstlineno
