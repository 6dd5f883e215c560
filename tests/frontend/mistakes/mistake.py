"""One row of the tables of mistakes: what a user writes, at which line it is wrong, and what kgc must say."""

from __future__ import annotations

import linecache
import textwrap
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

import kgc as keras
from kgc import layers, ops

MARK = "# <-"
Fragments = str | tuple[str, ...] | None


class Mistake(NamedTuple):
    """A piece of user code that must fail.

    Args:
        name: of the row; its code is run as the file `<name>.py`.
        source: the code, its faulty line marked by `# <-` at the end.  Names: keras, layers, ops, np, jnp, foreign.
        error: class of kgc's error.
        what, received, hint: what these parts of the error must contain; None where the error has no such part.
    """

    name: str
    source: str
    error: type[Exception]
    what: Fragments
    received: Fragments
    hint: Fragments

    @property
    def file(self) -> str:
        """File name under which the code is run."""
        return f"{self.name}.py"

    @property
    def text(self) -> str:
        """The code, without the indentation of the table."""
        return textwrap.dedent(self.source).strip() + "\n"

    @property
    def line(self) -> int:
        """Number of the marked line."""
        (number,) = (n for n, line in enumerate(self.text.splitlines(), 1) if line.endswith(MARK))
        return number

    def run(self) -> dict[str, Any]:
        """Run it as a file of the user's; the names it made."""
        return run(self.text, self.file)

    def problems(self, error: Exception) -> list[str]:
        """How `error` differs from what is wanted."""
        if type(error) is not self.error:
            return [f"{type(error).__name__}, not {self.error.__name__}"]
        where: Any = getattr(error, "where", None)
        found: list[str] = []
        if (where.file, where.line) != (self.file, self.line):
            found.append(f"{where.file}:{where.line}, not {self.file}:{self.line}")
        for part in ("what", "received", "hint"):
            said, wanted = getattr(error, part), getattr(self, part)
            if wanted is None and said:
                found.append(f"{part} is there")
            for fragment in (wanted,) if isinstance(wanted, str) else wanted or ():
                if not said or fragment not in said:
                    found.append(f"{part} lacks {fragment!r}")
        return found


def run(source: str, file: str, **given: Any) -> dict[str, Any]:
    """Run code as if it stood in a file of that name, with the given names; all names after it."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, Any] = {"__name__": "__main__", "keras": keras, "layers": layers, "ops": ops, "np": np, "jnp": jnp}
    names.update(given, foreign=foreign)
    exec(compile(source, file, "exec"), names)
    return names


def foreign(module: str, name: str, **attributes: Any) -> Any:
    """An object of a class `module.name`, as another library would make it."""
    return type(name, (), {"__module__": module, **attributes})()
