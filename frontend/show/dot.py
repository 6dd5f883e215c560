"""The DOT language: graphs as Graphviz reads them, and drawing them.

Text comes from users (names of layers, of functions) and goes into labels in Graphviz's HTML, so it is escaped here and
nowhere else. Graphviz is C code that can be brought down by a large graph, and not made for threads; so it runs in a
process of its own, by pygraphviz, whose wheels carry it.

Grammar: https://graphviz.org/doc/info/lang.html; labels: https://graphviz.org/doc/info/shapes.html#html.
"""

from __future__ import annotations

import html
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ...compiler.errors import ArgumentError, KgcError

FORMATS = ("png", "svg", "pdf", "jpg", "gif", "dot")
"""What pictures can be written as; `dot` is the text itself."""

_DRAW = """
import sys
sys.path.insert(0, sys.argv[1])
import pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
sys.stdout.buffer.write(graph.draw(format=sys.argv[2], prog="dot"))
"""


def markup(text: object) -> str:
    """Text for a place within an HTML label."""
    # Control characters and lone surrogates have no place in XML.
    plain = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]", " ", str(text))
    # An empty element is an error of syntax to Graphviz.
    # A backslash begins an escape here too: \N is the node's name.
    return html.escape(plain).replace("\\", "\\\\") or " "


def quoted(text: object) -> str:
    """Text as a DOT string."""
    plain = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", " ", str(text))
    # A backslash begins an escape in DOT labels.
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass
class DotGraph:
    """A graph in the DOT language; a cluster is a framed graph within another.

    Attributes:
        name: of the graph; a cluster's title.
        attributes: of the graph, such as `rankdir`.
        nodes: labels, in Graphviz's HTML, by the nodes' names.
        edges: pairs of nodes' names.
        clusters: graphs within; `order` holds the names of nodes, and clusters, as they come.
    """

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, str] = field(default_factory=dict)
    edges: dict[tuple[str, str], None] = field(default_factory=dict)
    clusters: dict[str, DotGraph] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    is_cluster: bool = False

    def add_node(self, name: str, label: str) -> None:
        """Add a node whose label is markup."""
        self.nodes[name] = label
        self.order.append(name)

    def add_cluster(self, name: str, cluster: DotGraph) -> None:
        """Add a graph within a frame."""
        self.clusters[name] = cluster
        self.order.append(name)

    def to_string(self) -> str:
        """The graph as DOT text; a cluster as the statement that makes it a part of another graph."""
        return "\n".join(self._lines("cluster_0", "")) + "\n"

    def create(self, format: str = "png") -> bytes:
        """The picture as bytes, in one of `FORMATS`.

        Raises:
            ArgumentError: another format, or the graph is a cluster.
            KgcError: pygraphviz is not installed, or Graphviz failed.
        """
        if format not in FORMATS:
            raise ArgumentError(
                f"a graph can be drawn as {', '.join(FORMATS)}", received=f"format={format!r}", hint="take one of them."
            )
        if format == "dot":
            return self.to_string().encode()
        if self.is_cluster:
            raise ArgumentError(
                "a graph made with subgraph=True is a part of another, and cannot be drawn by itself",
                received=f"{self.name!r}",
                hint="make it with `subgraph=False`.",
            )
        return draw(self.to_string(), format)

    def _lines(self, cluster: str, indent: str) -> Iterator[str]:
        yield f"{indent}subgraph {quoted(cluster)} {{" if self.is_cluster else f"{indent}digraph {quoted(self.name)} {{"
        inner = indent + "  "
        for key, value in self.attributes.items():
            yield f"{inner}{key}={quoted(value)};"
        if not self.is_cluster:
            yield f'{inner}node [shape=plain, fontname="Helvetica"];'
            yield f"{inner}edge [penwidth=2];"
        for name in self.order:
            if name in self.clusters:
                yield from self.clusters[name]._lines(f"cluster_{name}", inner)
            else:
                yield f"{inner}{name} [label=<{self.nodes[name]}>];"
        for source, target in self.edges:
            yield f"{inner}{source} -> {target};"
        yield f"{indent}}}"


def table(rows: list[list[Mapping[str, str]]]) -> str:
    """A label of cells in rows; each cell has `text` (markup) and may have `background`, `colour` and `size`."""
    columns = max(len(row) for row in rows)
    found = ['<table border="0" cellborder="1" cellspacing="0" cellpadding="10" color="black">']
    for row in rows:
        found.append("<tr>")
        for index, cell in enumerate(row):
            # The last cell of a short row takes what is left.
            span = columns - index if index == len(row) - 1 else 1
            found.append(
                f'<td colspan="{span}" bgcolor="{cell.get("background", "white")}">'
                f'<font point-size="{cell.get("size", "14")}" color="{cell.get("colour", "black")}">{cell["text"]}'
                "</font></td>"
            )
        found.append("</tr>")
    return "".join([*found, "</table>"])


def draw(text: str, format: str) -> bytes:
    """What Graphviz makes of DOT text.

    Raises KgcError if pygraphviz is not there, or Graphviz does not come to an end well.
    """
    spec = importlib.util.find_spec("pygraphviz")
    if spec is None or spec.origin is None:
        raise KgcError(
            "drawing a model needs the package pygraphviz, which is not installed here",
            hint="`pip install pygraphviz` (it carries Graphviz); `to_file='model.dot'` writes the graph as text.",
        )
    if not sys.executable:
        raise KgcError(
            "drawing a model runs Graphviz in a Python of its own, and this program does not say where Python is",
            received="sys.executable is empty",
            hint="write the graph as text, `to_file='model.dot'`, and draw it elsewhere.",
        )
    home = os.path.dirname(os.path.dirname(spec.origin))
    done = subprocess.run([sys.executable, "-I", "-c", _DRAW, home, format], input=text.encode(), capture_output=True)
    said = done.stderr.decode(errors="replace").strip().splitlines()
    # A label that it cannot read is no failure to Graphviz, which draws something else.
    if done.returncode or not done.stdout or any(line.startswith("Error:") for line in said):
        raise KgcError(
            "Graphviz could not draw the model",
            received=said[-1] if said else f"exit status {done.returncode}",
            hint="try `splines='line'`, or without `expand_nested`; `to_file='model.dot'` writes the graph as text.",
        )
    return done.stdout
