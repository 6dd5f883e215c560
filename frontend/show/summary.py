"""`model.summary()`: a table of the layers, their shapes and parameters, as Keras prints it.

What stands in the cells is found first (`rows`); `rich` draws them, in colours on a terminal and plain elsewhere.
"""

from __future__ import annotations

import importlib
import io
import itertools
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...compiler.errors import ArgumentError
from ...compiler.types import jax_dtype
from .. import symbolic

_POSITIONS = (0.45, 0.80, 1.0)
_CONNECTED_POSITIONS = (0.3, 0.56, 0.74, 1.0)
_LENGTH, _CONNECTED_LENGTH, _TRAINABLE_LENGTH = 88, 108, 12


@dataclass
class Row:
    """One layer: its cells as text, and how deep in nested models it stands."""

    name: str
    kind: str
    shape: str
    params: str
    connections: str
    trainable: str
    depth: int = 0


def summarize(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print the table of a model's layers.

    Args:
        line_length: characters of a line; by default as many as the terminal has, less 4, and 88 at most (108 where
            the column "Connected to" stands; 12 more for `show_trainable`).
        positions: where each column ends, as fractions of the line or in characters.
        print_fn: takes the whole text; by default it is printed.
        expand_nested: whether the layers of models in the model are shown.
        show_trainable: whether a column says which layers are trained.
        layer_range: names, or regular expressions, of the first and the last layer to show.

    Raises:
        ArgumentError: `layer_range` fits no layers, or there are too few positions or characters.
    """
    connected = is_connected(model)
    length = _length(line_length, connected, show_trainable)
    widths = column_widths(length, positions, connected, show_trainable)
    shown = rows(model, expand_nested, _selection(model, layer_range))
    if print_fn is None:
        _draw(model, shown, widths, connected, show_trainable, None)
    else:
        text = io.StringIO()
        _draw(model, shown, widths, connected, show_trainable, text)
        print_fn(text.getvalue())


# What the cells say
def is_connected(model: Any) -> bool:
    """Whether the layers form more than a chain, so that it must be said what each takes."""
    if not _is_functional(model):
        return False
    subgraph = _subgraph(model)
    nodes = subgraph.all_nodes
    depths = {subgraph.depths.get(id(node), -1) for node in nodes}
    operations = {id(node.operation) for node in nodes}
    return len(depths) < len(nodes) or len(operations) < len(nodes) or any(len(node.inputs) > 1 for node in nodes)


def rows(model: Any, expand_nested: bool, selection: slice | None = None, depth: int = 0) -> list[Row]:
    """The rows of a model's layers (or operations, between layers), those of nested models below theirs."""
    calls: dict[int, list[symbolic.CallNode]] = {}
    subgraph = _subgraph(model)
    for node in sorted(subgraph.all_nodes, key=lambda node: node.index) if subgraph is not None else ():
        calls.setdefault(id(node.operation), []).append(node)
    found: list[Row] = []
    # Keras lists functions between layers at the top only.
    items = _items(model) if depth == 0 else model.layers
    for item in items[selection or slice(None)]:
        nodes = calls.get(id(item), [])
        taken = [f"{t.node.operation.name}[{t.node.index}][{t.index}]" for node in nodes for t in node.inputs]
        found.append(
            Row(
                item.name,
                _kind(item),
                _shape(item, nodes),
                _params(item),
                (", ".join(taken) if depth == 0 else "") or "-",
                _trained(item),
                depth,
            )
        )
        if expand_nested and hasattr(item, "layers"):
            found += rows(item, expand_nested, depth=depth + 1)
    return found


def _is_functional(model: Any) -> bool:
    """Whether it is `Model(inputs, outputs)`, and no Sequential or subclass."""
    return getattr(model, "has_graph", False) and model.functional is model


def _subgraph(model: Any) -> Any:
    return model.functional._subgraph if getattr(model, "has_graph", False) else None


def _items(model: Any) -> list[Any]:
    """Layers, and functions between them, in the order of the table."""
    return model.operations if _is_functional(model) else model.layers


def _kind(item: Any) -> str:
    if isinstance(item, symbolic.FunctionCall):
        return symbolic.class_name(item.public_name)
    return type(item).__name__


def _shape(item: Any, nodes: Sequence[symbolic.CallNode]) -> str:
    nodes = nodes or getattr(item, "inbound_nodes", [])
    types = [tensor.type for tensor in nodes[-1].outputs] if nodes else getattr(item, "_traced_types", [])
    shapes = [symbolic.public_shape(type_) for type_ in types]
    if not shapes:
        return "?"
    return str(shapes[0]) if len(shapes) == 1 else f"[{', '.join(map(str, shapes))}]"


def _params(item: Any) -> str:
    if not getattr(item, "built", True):
        return "0 (unbuilt)"
    return f"{_count(getattr(item, 'weights', [])):,}"


def _trained(item: Any) -> str:
    if not getattr(item, "weights", []):
        return "-"
    return "Y" if item.trainable else "N"


def _count(variables: Sequence[Any]) -> int:
    return sum(int(np.prod(variable.shape)) for variable in variables)


def _bytes(variables: Sequence[Any]) -> int:
    return sum(int(np.prod(v.shape)) * np.dtype(jax_dtype(v.dtype)).itemsize for v in variables if v.dtype != "key")


def readable_size(size: float) -> str:
    """A number of bytes as people read it: `215.04 KB`."""
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} PB"


def totals(model: Any) -> list[tuple[str, str, str]]:
    """(label, number, size) of all parameters: those of the model and, once it has trained, of its optimizer."""
    trained, frozen = model.trainable_weights, model.non_trainable_weights
    optimizer = getattr(model, "optimizer", None)
    slots = list(optimizer.variables) if optimizer is not None and getattr(optimizer, "built", False) else []
    parts = [
        ("Total params", [*trained, *frozen, *slots]),
        ("Trainable params", trained),
        ("Non-trainable params", frozen),
        *([("Optimizer params", slots)] if slots else []),
    ]
    return [(label, f"{_count(variables):,}", readable_size(_bytes(variables))) for label, variables in parts]


# Arguments
def _selection(model: Any, layer_range: Sequence[str] | None) -> slice | None:
    if layer_range is None:
        return None
    if isinstance(layer_range, str) or len(layer_range) != 2:
        raise ArgumentError(
            "summary() takes layer_range as the names of the first and the last layer",
            received=f"{layer_range=}",
            hint='such as `layer_range=["conv1", "conv5"]`; regular expressions are taken too.',
        )
    names = [item.name for item in _items(model)]
    ends = [[i for i, name in enumerate(names) if re.match(pattern, name)] for pattern in layer_range]
    if not all(ends):
        raise ArgumentError(
            f"summary() was given a layer_range that fits no layers of model '{model.name}'",
            received=f"{layer_range=}",
            hint=f"it has {', '.join(names)}.",
        )
    first, last = min(ends[0][0], ends[1][0]), max(ends[0][-1], ends[1][-1])
    return slice(first, last + 1)


def _length(line_length: int | None, connected: bool, show_trainable: bool) -> int:
    if line_length is None:
        most = (_CONNECTED_LENGTH if connected else _LENGTH) + (_TRAINABLE_LENGTH if show_trainable else 0)
        return min(shutil.get_terminal_size().columns - 4, most)
    if isinstance(line_length, bool) or not isinstance(line_length, int):
        raise ArgumentError(
            "summary() takes line_length as an int", received=f"{line_length=}", hint="such as `line_length=100`."
        )
    return line_length


def column_widths(length: int, positions: Sequence[float] | None, connected: bool, show_trainable: bool) -> list[int]:
    """Characters of each cell's text, such that the table with its borders is `length` wide.

    Raises:
        ArgumentError: another number of positions than columns, or no room.
    """
    if positions is None:
        positions = _CONNECTED_POSITIONS if connected else _POSITIONS
        if show_trainable:
            positions = [*(0.9 * position for position in positions), 1.0]
    columns = 3 + connected + show_trainable
    if len(positions) != columns:
        raise ArgumentError(
            f"summary() needs {columns} positions here: one for each column",
            received=f"{positions=}",
            hint="each is where a column ends, as a fraction of the line; the last is 1.0.",
        )
    relative = positions[-1] <= 1
    ends = [0, *(int(position * length) if relative else int(position) for position in positions)]
    # Each column gives up 2 characters to its padding and 1 to its border; the border that is left, the last but one.
    widths = [end - start - 3 for start, end in itertools.pairwise(ends)]
    widths[-2] -= 1
    if min(widths) < 1:
        raise ArgumentError(
            "summary() has no room for its columns",
            received=f"line_length={length}, {positions=}",
            hint="give a larger line_length.",
        )
    return widths


# Drawing
def _draw(
    model: Any, shown: Sequence[Row], widths: Sequence[int], connected: bool, show_trainable: bool, file: Any
) -> None:
    """Print the table on `file`, or where output goes."""
    console_module, table_module, box = map(importlib.import_module, ("rich.console", "rich.table", "rich.box"))
    wide = sum(widths) + 3 * len(widths) + 1
    console = console_module.Console(file=file, highlight=False, **({"no_color": True} if file is not None else {}))
    if console.width < wide:
        console.width = wide
    table = table_module.Table(width=wide, box=box.HEAVY_HEAD, show_lines=True)
    headings = ["Layer (type)", "Output Shape", "Param #", "Connected to", "Trainable"]
    justify = ["left", "left", "right", "left", "center"]
    kept = [0, 1, 2, *([3] if connected else []), *([4] if show_trainable else [])]
    for index, width in zip(kept, widths, strict=True):
        table.add_column(headings[index], justify=justify[index], width=width, header_style="bold")
    for row in shown:
        cells = _styled(row)
        table.add_row(*[cells[index] for index in kept])
    console.print(f"[bold]Model: {_escape(repr_name(model.name))}[/]")
    console.print(table)
    for label, number, size in totals(model):
        console.print(f"[bold] {label}: [/][green]{number}[/] ({size})")


def repr_name(name: str) -> str:
    """A name in double quotes."""
    return f'"{name}"'


def _styled(row: Row) -> list[str]:
    """The cells in rich's markup."""
    indent = "   " * row.depth + "└ " if row.depth else ""
    name = f"{indent}{_escape(row.name)} ([bright_blue]{_escape(row.kind)}[/])"
    params = f"[green]{row.params}[/]" if row.params[0].isdigit() else row.params
    trained = {"Y": "[bold green]Y[/]", "N": "[bold red]N[/]"}.get(row.trainable, f"[bold]{row.trainable}[/]")
    return [name, _coloured(row.shape), params, _escape(row.connections), trained]


def _coloured(shape: str) -> str:
    shape = _escape(shape)
    return re.sub(r"\bNone\b|\d+", lambda m: f"[{'bright_cyan' if m[0] == 'None' else 'green'}]{m[0]}[/]", shape)


def _escape(text: str) -> str:
    return text.replace("[", r"\[")
