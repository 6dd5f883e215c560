"""`utils.plot_model` and `utils.model_to_dot`: layers as boxes and arrows, as Keras draws them."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...compiler.errors import ArgumentError, GraphError, shown
from ...runtime.files import atomic_write
from .. import symbolic, tree
from ..functional import Functional
from ..input import InputLayer
from ..layer import Layer
from ..model import Model
from ..sequential import Sequential
from .dot import FORMATS, DotGraph, markup, table

_DIRECTIONS = ("TB", "LR", "BT", "RL")


@dataclass(frozen=True)
class _Choice:
    """What the boxes say, and how far models within are opened."""

    shapes: bool
    dtype: bool
    names: bool
    activations: bool
    trainable: bool
    expand: bool


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """Draw a model into a file: a box for each layer and function, an arrow for what goes from one to the next.

    Args:
        model: a model that is built.
        to_file: where; the ending says how: `.png` (also without an ending), `.svg`, `.pdf`, `.jpg`, `.gif`, `.dot`.
            None is `model.png`.
        show_shapes: whether boxes say the shapes of inputs and outputs.
        show_dtype: whether they say the dtype of outputs.
        show_layer_names: whether they say names, and not classes alone.
        rankdir: where arrows lead: "TB" down, "LR" right, "BT" up, "RL" left.
        expand_nested: whether models in the model are opened, in frames.
        dpi: dots an inch.
        show_layer_activations: whether boxes say activation functions.
        show_trainable: whether they say whether training changes their weights.
        splines: how Graphviz draws arrows: "ortho", "line", "polyline", "curved", "spline".

    Returns:
        In a notebook the picture, else None.

    Raises:
        GraphError: the model is not built.
        ArgumentError: it is no model; an unknown ending, direction or argument.
        KgcError: pygraphviz is missing, or Graphviz failed.
    """
    _refuse(kwargs, "plot_model")
    path = "model.png" if to_file is None else to_file
    if not isinstance(path, str | os.PathLike):
        raise ArgumentError(
            "plot_model() takes to_file as a path", received=shown(to_file), hint="such as `to_file='model.png'`."
        )
    path = os.fspath(path)
    ending = os.path.splitext(path)[1].lower().removeprefix(".") or "png"
    format = {"jpeg": "jpg"}.get(ending, ending)
    if format not in FORMATS:
        raise ArgumentError(
            f"plot_model() writes files that end in {', '.join('.' + known for known in FORMATS)}",
            received=f"to_file={path!r}",
            hint="the ending says how the picture is stored; `.svg` and `.pdf` stay sharp at any size.",
        )
    graph = model_to_dot(
        model,
        show_shapes,
        show_dtype,
        show_layer_names,
        rankdir,
        expand_nested,
        dpi,
        False,
        show_layer_activations,
        show_trainable,
        splines,
    )
    picture = graph.create(format)
    with atomic_write(path) as file:
        file.write(picture)
    return _displayed(path, format)


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> DotGraph:
    """A model as a graph for Graphviz: `.to_string()` is its DOT text, `.create("svg")` the picture's bytes.

    Keras returns an object of pydot; this one needs no package until it is drawn.

    Args:
        subgraph: whether to give a cluster, as a part of another graph.
        The others are those of `plot_model`.

    Raises:
        GraphError: the model is not built.
        ArgumentError: it is no model; an unknown direction or argument.
    """
    _refuse(kwargs, "model_to_dot")
    if not isinstance(model, Model):
        raise ArgumentError(
            "plot_model() and model_to_dot() take a model",
            received=shown(model),
            hint="a layer can be looked at as `Model(x, layer(x))`.",
        )
    if not model.has_graph and not model.built:
        raise GraphError(
            f"model '{model.name}' is not built yet, so its layers are not connected",
            hint="begin it with `Input(shape=(…))`, call it on data, or `build(input_shape)`.",
        )
    if rankdir not in _DIRECTIONS:
        raise ArgumentError(
            f"rankdir is one of {', '.join(_DIRECTIONS)}", received=f"{rankdir=}", hint="'TB' leads downwards."
        )
    if isinstance(dpi, bool) or not isinstance(dpi, int | float) or not dpi > 0:
        raise ArgumentError("dpi is a positive number", received=f"{dpi=}", hint="such as `dpi=96`.")
    choice = _Choice(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable, expand_nested)
    if subgraph:
        return _Drawing(choice).cluster(model)
    attributes = {"rankdir": rankdir, "concentrate": "true", "dpi": str(dpi), "splines": str(splines)}
    return _Drawing(choice).fill(model, DotGraph(model.name, attributes))


def _refuse(kwargs: Mapping[str, Any], function: str) -> None:
    if "layer_range" in kwargs:
        raise ArgumentError(
            f"{function}() has no layer_range in Keras 3",
            received=f"layer_range={kwargs['layer_range']!r}",
            hint="draw a part: `Model(first.output, last.output)`.",
        )
    if kwargs:
        raise ArgumentError(
            f"{function}() does not have the argument '{next(iter(kwargs))}'",
            received=", ".join(f"{key}={value!r:.40}" for key, value in kwargs.items()),
            hint="it has show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi, "
            "show_layer_activations, show_trainable and splines.",
        )


def _displayed(path: str, format: str) -> Any:
    """The picture as a notebook shows it; IPython is loaded where there is a notebook, and not asked for elsewhere."""
    display = getattr(sys.modules.get("IPython"), "display", None)
    if display is None or format in ("pdf", "dot"):
        return None
    return display.SVG(filename=path) if format == "svg" else display.Image(filename=path)


class _Drawing:
    """Boxes and arrows of a model; a layer has one box, however often it is called."""

    def __init__(self, choice: _Choice) -> None:
        self.choice = choice
        self._names: dict[int, str] = {}

    def cluster(self, model: Any) -> DotGraph:
        """A framed graph of a model."""
        attributes = {"style": "dashed", "label": model.name, "labeljust": "l", "fontname": "Helvetica"}
        return self.fill(model, DotGraph(model.name, attributes, is_cluster=True))

    def fill(self, model: Any, graph: DotGraph) -> DotGraph:
        """`graph` with the model's boxes and arrows; a model of the caller's own class is one box."""
        if not _opens(model):
            nodes = model.inbound_nodes
            graph.add_node(self._name(model), _label(model, nodes, self.choice))
            return graph
        functional = model.functional
        calls: dict[int, list[symbolic.CallNode]] = {}
        for node in functional._subgraph.all_nodes:
            calls.setdefault(id(node.operation), []).append(node)
        for operation in functional.operations:
            if isinstance(model, Sequential) and isinstance(operation, InputLayer):
                continue  # as in `model.layers`
            if self.choice.expand and _opens(operation):
                graph.add_cluster(self._name(operation), self.cluster(operation))
            else:
                nodes = sorted(calls.get(id(operation), []), key=lambda node: node.index)
                graph.add_node(self._name(operation), _label(operation, nodes, self.choice))
        for node in functional._subgraph.nodes:
            for tensor, target in self._entries(node):
                source = self._source(tensor, model)
                if source is not None and source != target:
                    graph.edges[source, target] = None
        return graph

    def _name(self, operation: Any) -> str:
        return self._names.setdefault(id(operation), f"n{len(self._names)}")

    def _entries(self, node: symbolic.CallNode) -> Iterator[tuple[symbolic.KerasTensor, str]]:
        """What a call takes, with the box that takes it: of an opened model, one within."""
        model = node.operation
        if not (self.choice.expand and isinstance(model, Model) and _opens(model)):
            for tensor in node.inputs:
                yield tensor, self._name(model)
            return
        given = node.args[0] if node.args else next(iter(node.kwargs.values()))
        for tensor, inner in zip(model.functional.flatten_inputs(given), model.inputs, strict=True):
            for name in self._takers(model, inner):
                yield tensor, name

    def _takers(self, model: Any, inner: symbolic.KerasTensor) -> Iterator[str]:
        """The boxes in an opened model that stand for its input."""
        if not isinstance(model, Sequential):
            yield self._name(inner.node.operation)
            return
        for node in model.functional._subgraph.nodes:
            for tensor, name in self._entries(node):
                if tensor is inner:
                    yield name

    def _source(self, tensor: symbolic.KerasTensor, model: Any) -> str | None:
        """The box that gives a tensor; None for the input of a Sequential, which has none."""
        operation: Any = tensor.node.operation
        if self.choice.expand and _opens(operation):
            return self._source(operation.outputs[tensor.index], operation)
        if isinstance(model, Sequential) and isinstance(operation, InputLayer):
            return None
        return self._name(operation)


def _opens(operation: Any) -> bool:
    """Whether it is a model whose layers can be shown: no layer, and no class of the caller's own."""
    return isinstance(operation, Functional) or (isinstance(operation, Sequential) and operation.has_graph)


# Boxes
def _label(operation: Any, nodes: list[symbolic.CallNode], choice: _Choice) -> str:
    kind = _kind(operation)
    title = f"<b>{markup(operation.name)}</b> ({markup(kind)})" if choice.names else f"<b>{markup(kind)}</b>"
    rows: list[list[Mapping[str, str]]] = [[{"text": title, "background": "black", "colour": "white", "size": "16"}]]
    activation = getattr(operation, "activation", None)
    if choice.activations and activation is not None:
        rows.append([_cell("Activation", _function_name(activation))])
    cells: list[Mapping[str, str]] = []
    node = nodes[0] if nodes else None
    if choice.shapes:
        if not isinstance(operation, InputLayer):
            cells.append(_cell("Input shape", _said(_taken(node), lambda tensor: tensor.shape)))
        cells.append(_cell("Output shape", _said(node and node.structure, lambda tensor: tensor.shape)))
    if choice.dtype:
        cells.append(_cell("Output dtype", _said(node and node.structure, lambda tensor: tensor.dtype)))
    if choice.trainable and getattr(operation, "weights", None):
        trained = operation.trainable
        colour = "forestgreen" if trained else "firebrick"
        text = f"<b>{'Trainable' if trained else 'Non-trainable'}</b>"
        cells.append({"text": text, "background": colour, "colour": "white"})
    return table([*rows, cells] if cells else rows)


def _cell(what: str, value: str) -> dict[str, str]:
    return {"text": f"{what}: <b>{markup(value)}</b>"}


def _kind(operation: Any) -> str:
    if isinstance(operation, symbolic.FunctionCall):
        return symbolic.class_name(operation.public_name)
    return type(operation).__name__


def _taken(node: symbolic.CallNode | None) -> Any:
    """The tensors that a call takes: nested where one argument holds them, else in a list."""
    if node is None:
        return None
    first = node.args[0] if node.args else None
    inside = [leaf for leaf in tree.leaves(first) if isinstance(leaf, symbolic.KerasTensor)]
    if len(inside) == len(node.inputs) and all(isinstance(leaf, symbolic.KerasTensor) for leaf in tree.leaves(first)):
        return first
    return node.inputs[0] if len(node.inputs) == 1 else node.inputs


def _said(structure: Any, attribute: Any) -> str:
    """A property of the tensors in a structure, as text."""
    if structure is None:
        return "?"
    if isinstance(structure, Mapping):
        return ", ".join(f"{key}: {_said(item, attribute)}" for key, item in structure.items())
    if isinstance(structure, list | tuple):
        return f"[{', '.join(_said(item, attribute) for item in structure)}]"
    return str(attribute(structure))


def _function_name(function: Any) -> str:
    if isinstance(function, Layer):
        return type(function).__name__
    if isinstance(function, functools.partial):
        function = function.func
    return getattr(function, "__name__", type(function).__name__)
