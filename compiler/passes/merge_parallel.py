"""Multiply one input by many narrow kernels at once, for inference.

    %0: f32[b, 4] = matmul(%x, %q.kernel)              %0: f32[64, 12] = concatenate([%q.kernel, %k.kernel], axis=1)
    %1: f32[b, 4] = add(%0, %q.bias)                   %1: f32[b, 12] = matmul(%x, %0)
    %2: f32[b, 8] = matmul(%x, %k.kernel)              %2: f32[12] = concatenate([%q.bias, %k.bias])
    %3: f32[b, 8] = add(%2, %k.bias)                   %3: f32[b, 12] = add(%1, %2)
                                                       %4: f32[b, 4], %5: f32[b, 8] = split(%3, (4,), axis=-1)

The outputs of a model for many tasks, or gates; XLA keeps products apart.  `hoist_params` joins the kernels beforehand.
Measured on a 2-core CPU, time merged by time apart:

    of the layers alone, 2 to 4 kernels with 64 rows        4 to 16 columns 0.72 to 0.95, 64: 0.83 to 1.09,
                                                            256: 0.80 to 1.4
    `predict` of a Dense(64) with outputs behind it,        8 x 4: 0.88, 8 x 16: 0.96, 16 x 1: 0.97, 16 x 8: 0.90;
    kernels x columns, 256 rows at a time                   4 x 4: 0.94, 6 x 16: 0.98, three of 32 for attention: 1.07
    one row, or 256, without `predict`'s own time           8 x 16: 0.93 and 0.94, 16 x 8: 0.95 and 0.84
    four blocks of eight gates of 16 columns, 64 rows       0.71 (0.143 to 0.102 ms), the program alone

against 0.1 to 0.2 s more until the first result.  So kernels of at most 16 columns are merged, where there are 8 or
more: queries, keys and values alone are not.  In training it is left out: joined in each step, four outputs of 16
columns make a step 15 % faster (8.6 to 7.4 ms for 16 steps of 256 rows), but XLA needs 0.5 s more to compile it;
products with one column become up to 7 times slower, and with 256 columns 1.3 times.

`matmul`, and projections by `einsum` to several axes, are found, with biases that are added to all of them, or to none.
The first layers of branches that `batch_branches` takes whole are left to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..branches import narrow
from ..contractions import contraction
from ..graph import Graph
from ..ir import Node, Value
from ..ops.elementwise import add
from ..ops.linalg import matmul
from ..ops.shape import concatenate, reshape, split
from ..rewrite import Rewriter, without_dead
from ..transform import copied

KERNELS = 8
"""Fewest kernels that are merged."""
COLUMNS, NUMBERS = 16, 4096
"""Most columns, and most numbers, of each."""


class _Layer(NamedTuple):
    """A product of an input with a kernel, and the sum with a bias behind it.

    Attributes:
        last: the node whose result stands for the layer's.
        outer: sizes of the kernel's axes that remain in the result.
        columns: their product.
    """

    product: Node
    last: Node
    kernel: Value
    bias: Value | None
    outer: tuple[int, ...]
    columns: int


def merge_parallel(graph: Graph) -> Graph:
    """The graph with narrow kernels that one input is multiplied by joined."""
    groups = _groups(graph)
    if not groups:
        return graph
    first = {id(group[0].product): group for group in groups}
    ends = {id(layer.last): layer for group in groups for layer in group}
    made: dict[int, Value] = {}
    new = Rewriter(graph)
    with new:
        for node in graph.nodes:
            candidate = copied(node, new.new)
            new.at = node.loc
            group = first.get(id(node))
            if group is not None:
                results = _merged(_input(candidate), group)
                made.update((id(layer.last), part) for layer, part in zip(group, results, strict=True))
            if id(node) in ends:
                new.replace(node, made[id(node)])
            else:
                new.nodes.append(candidate)
    return without_dead(new.result().graph)


def _groups(graph: Graph) -> list[list[_Layer]]:
    """Layers that are merged, by input, kernel's height and presence of a bias."""
    batched = {member for group in narrow(graph) for row in group for member in row.members}
    params, users, roots = set(graph.params), graph.users(), set(graph.roots())
    found: dict[Any, list[_Layer]] = {}
    for node in graph.nodes:
        layer = _layer(node, params)
        if layer is None or node in batched:
            continue
        y, used = node.results[0], users.get(node.results[0], [])
        if len(used) == 1 and y not in roots and used[0].op.name == "add":
            bias = next((x for x in used[0].operands if x is not y), None)
            fits = type(bias) is Value and bias in params and bias.shape == layer.outer and bias.dtype == y.dtype
            if fits and used[0].results[0].type is y.type:
                layer = layer._replace(last=used[0], bias=bias)
        given = _input(node)
        found.setdefault((given, layer.kernel.shape[0], layer.kernel.dtype, layer.bias is None), []).append(layer)
    groups = map(_of_their_own, found.values())
    return [group for group in groups if len(group) >= KERNELS]


def _of_their_own(layers: Sequence[_Layer]) -> list[_Layer]:
    """The first layer of each kernel: there is nothing to save by having it twice."""
    found: dict[Value, _Layer] = {}
    for layer in layers:
        found.setdefault(layer.kernel, layer)
    return list(found.values())


def _layer(node: Node, params: set[Value]) -> _Layer | None:
    """The node as a product of an input's last axis with a kernel's first, if the kernel is to be merged."""
    if node.op.name not in ("matmul", "einsum") or len(list(node.uses())) != 2:
        return None
    x, kernel = node.uses()
    if kernel not in params or x in params or not kernel.type.is_static or x.dtype != kernel.dtype or x.ndim < 2:
        return None
    product = contraction(node.results[0])
    if product is None or product.left is not x or product.right is not kernel:
        return None
    inner, *outer = product.of_right
    if product.of_left[-1] != inner or product.letters != (*product.of_left[:-1], *outer):
        return None
    sizes: tuple[Any, ...] = kernel.shape[1:]
    columns = 1
    for size in sizes:
        columns *= size
    if not sizes or columns > COLUMNS or columns * int(kernel.type.shape[0]) > NUMBERS:  # type: ignore[arg-type]
        return None
    return _Layer(node, node, kernel, None, sizes, columns)


def _input(node: Node) -> Value:
    return next(node.uses())


def _merged(x: Value, group: Sequence[_Layer]) -> list[Value]:
    """The layers' results."""
    kernel = concatenate([_flat(layer.kernel, (layer.kernel.shape[0], layer.columns)) for layer in group], axis=1)
    y = matmul(x, kernel)
    biases = [layer.bias for layer in group if layer.bias is not None]
    if biases:
        y = add(y, concatenate([_flat(bias, (bias.type.aval.size,)) for bias in biases], axis=0))
    ends: list[int] = []
    for layer in group[:-1]:
        ends.append(layer.columns + (ends[-1] if ends else 0))
    parts: tuple[Value, ...] = split(y, tuple(ends), axis=-1)
    return [
        part if len(layer.outer) == 1 else reshape(part, (*x.shape[:-1], *layer.outer))
        for layer, part in zip(group, parts, strict=True)
    ]


def _flat(value: Value, shape: tuple[Any, ...]) -> Value:
    return value if value.ndim == len(shape) else reshape(value, shape)
