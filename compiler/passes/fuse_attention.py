"""Make attention that is written out by hand the op that it is.

    %0: f32[b, 8, t, 16] = transpose(%q, axes=(0, 2, 1, 3))        %0: f32[b, t, 8, 16] = dot_product_attention(
    %1: f32[b, 8, 16, t] = transpose(%k, axes=(0, 2, 3, 1))              %q, %k, %v, is_causal=True)
    %2: f32[b, 8, t, t] = matmul(%0, %1)
    %3: f32[b, 8, t, t] = divide(%2, 4.0)
    %4: f32[b, 8, t, t] = where(%causal, %3, -1000000000.0)
    %5: f32[b, 8, t, t] = softmax(%4)
    %6: f32[b, 8, t, 16] = matmul(%5, %transposed_v)
    %7: f32[b, t, 8, 16] = transpose(%6, axes=(0, 2, 1, 3))

What it is worth: the text says what is computed, and what is known of the op holds for it: its FLOPs, its order of axes
for products, and kernels that never store the scores, where `flash_attention` asks for them.  XLA cannot know that a
chain of products and sums is attention.  Four causal layers of 4 heads of 16 over 128 steps, 16 rows at a time, on a
2-core CPU:

                       nodes        `fit`, 4 steps        `predict`             first step
    with `ops`         68 to 36     269 to 250 ms         48 to 43 ms           1.05 to 1.03 s
    in `jax.numpy`     90 to 36     277 to 254 ms         56 to 43 ms           1.38 to 1.08 s

Found are `matmul`, `einsum` and their `jax.numpy` forms, in any order of axes, with heads or without; `softmax`, and
exp over its sum with or without the maximum taken off; numbers that scale scores, queries or keys; and masks.
Everything computed on the way must have no other use: probabilities that are returned or dropped out are left alone.

Masks become what is equal to them in every row, also in rows in which a query sees no key:

    added to the scores                                      bias
    `where(mask, scores, -1e9)`, or a number below           mask: either way such a row is the mean of all values
    `where(mask, scores, -inf)`                              bias: either way such a row is NaN, and so its gradients
    any of these, alone, by order of positions               is_causal: no row is without a key

Other numbers than these in `where` would show in the result: such attention is left as it is.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from ..attention import Attention, Search
from ..contractions import Factor, arranged
from ..graph import Graph
from ..ir import Node, Value
from ..ops.attention import dot_product_attention
from ..ops.shape import expand_dims, squeeze, transpose
from ..rewrite import Rewriter, map_regions, without_dead
from ..transform import copied, moved


def fuse_attention(graph: Graph) -> Graph:
    """The graph with `dot_product_attention` in place of softmax(query · key) · value."""
    graph = map_regions(graph, fuse_attention)
    search = Search(graph)
    attentions = [found for node in graph.nodes if (found := search.attention(node)) is not None]
    if not attentions:
        return graph
    at: dict[Node, Attention] = {found.last: found for found in attentions}
    new = Rewriter(graph)
    with new:
        for node in graph.nodes:
            candidate, found = copied(node, new.new), at.get(node)
            if found is not None:
                new.at, mark = found.node.loc, len(new.nodes)
                made = _written(_on_new_operands(found, new))
                if made.type is node.results[0].type:
                    new.replace(node, made)
                    continue
                del new.nodes[mark:]
            new.nodes.append(candidate)
    made_graph = new.result().graph
    return made_graph if made_graph is graph else without_dead(made_graph)


def _on_new_operands(found: Attention, new: Rewriter) -> Attention:
    """The same over the Values of the graph that is being built."""

    def of(value: Value) -> Value:
        return moved(value, new.new)

    def tensor(given: Factor) -> Factor:
        return given._replace(value=of(given.value))

    masks = replace(
        found.masks,
        added=[(of(value), factor) for value, factor in found.masks.added],
        barred=[(of(value), when) for value, when in found.masks.barred],
        kept=[(of(value), when) for value, when in found.masks.kept],
    )
    query, key, value = map(tensor, (found.query, found.key, found.value))
    return found._replace(query=query, key=key, value=value, masks=masks)


def _written(found: Attention) -> Value:
    """The op, and what brings tensors into its order of axes and the result out of it."""
    batch, heads = list(found.batch[:1]), list(found.batch[1:])
    query = _arranged(found.query, [*batch, found.row, *heads, found.size])
    key = _arranged(found.key, [*batch, found.column, *heads, found.size])
    value = _arranged(found.value, [*batch, found.column, *heads, found.width])
    rank, size, scale = len(found.batch) + 2, query.shape[3], found.masks.scale
    usual = type(size) is int and size > 0 and math.isclose(scale, size**-0.5, rel_tol=1e-6)
    made: Any = dot_product_attention(
        query,
        key,
        value,
        found.masks.bias(rank),
        found.masks.mask(rank),
        None if usual else scale,
        found.masks.causal,
    )
    if rank < 4:
        made = squeeze(made, 2 if batch else (0, 2))
    order = arranged((*batch, found.row, *heads, found.width), found.letters)
    return made if order is None else transpose(made, order)


def _arranged(tensor: Factor, wanted: list[int]) -> Value:
    """The tensor over (batch, length, heads, size), of the letters that it has."""
    order = arranged(tensor.letters, wanted)
    value = tensor.value if order is None else transpose(tensor.value, order)
    return value if len(wanted) == 4 else expand_dims(value, 2 if len(wanted) == 3 else (0, 2))
