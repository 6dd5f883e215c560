"""Small graphs written in a line or two, and read back as lines; tables of one row."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kgc.compiler.graph import Graph
from kgc.compiler.parser import parse
from kgc.compiler.rules import Rules
from kgc.compiler.verifier import verify


def body(*nodes: str, returns: str = "", head: str = "%x: f32[b, 4], %y: f32[b, 4]") -> Graph:
    """A graph whose node lines are `%0 = relu(%x)`, all of type f32[b, 4] unless they say another."""
    typed = [line if ": " in line else line.replace(" =", ": f32[b, 4] =", 1) for line in nodes]
    types = dict(re.findall(r"(%\w+): (\S+\[[^]]*\])", "\n".join([head, *typed])))
    returns = returns or typed[-1].split(":")[0]
    outputs = ", ".join(types[name] for name in returns.split(", "))
    text = "\n".join(f"  {line}" for line in typed)
    return verify(parse(f"graph @main({head}) -> ({outputs}) {{\n{text}\n  return {returns}\n}}"))


def lines(graph: Graph) -> list[str]:
    """The graph's node lines without types, what it returns, and its assignments."""
    text = [re.sub(r": [^=]* =", " =", line.strip()) for line in str(graph).splitlines()[1:-1]]
    return [line for line in text if not line.startswith(("param", "state", "const"))]


def table(text: str, function: Callable[..., Any]) -> Rules:
    rules = Rules("test")
    rules.row(text)(function)
    return rules


def x_of(x: Any) -> Any:
    return x
