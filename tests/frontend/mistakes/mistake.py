"""One row of the tables of mistakes: what a user writes, at which line it is wrong, and what kgc must say."""

from __future__ import annotations

import linecache
import textwrap
from types import ModuleType
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
        linecache.cache[self.file] = (len(self.text), None, self.text.splitlines(keepends=True), self.file)
        names: dict[str, Any] = {"__name__": "__main__", "keras": keras, "layers": layers, "ops": ops, "np": np, "jnp": jnp}
        names["foreign"] = foreign
        exec(compile(self.text, self.file, "exec"), names)
        return names


def foreign(module: str, name: str, bases: tuple[type, ...] = (), **attributes: Any) -> Any:
    """An object of a class `module.name`, as another library would make it."""
    assert not isinstance(module, ModuleType)
    return type(name, bases, {"__module__": module, **attributes})()
