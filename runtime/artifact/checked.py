"""The IR of an artifact, held against everything it could do wrong before anything is compiled.

Text is bounded by the header's limits, and so are the things that text can blow up: regions that hold regions that
hold regions, types of absurd sizes, ops that want to be typed again and again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping

import numpy as np

from ...compiler import infer
from ...compiler.errors import ArtifactError, KgcError
from ...compiler.extern import extern
from ...compiler.graph import Graph
from ...compiler.ir import Node, Value
from ...compiler.op import REGISTRY
from ...compiler.parser import parse
from ...compiler.printer import constant_name
from ...compiler.types import TensorType
from ...compiler.verifier import verify
from .fields import TensorSpec

LONGEST_TEXT = 1 << 26
LARGEST_TENSOR = 1 << 35
"""Elements."""
MOST_OPERANDS = 4096
DEEPEST = 16
"""Regions within regions."""


def read_ir(text: bytes, consts: Mapping[str, np.ndarray], ops: Mapping[str, int], path: str) -> Graph:
    """The verified graph of a file's IR text.

    Args:
        text: UTF-8.
        consts: arrays of the constants that are named in the text.
        ops: version of the meaning of every op that the text uses.

    Raises:
        ArtifactError: it is malformed, does not verify, or uses ops that this kgc lacks, or has in another version.
    """
    check_versions(ops, path)
    try:
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"{len(text)} bytes of IR text")
        for name, array in consts.items():
            if constant_name(array) != name:
                raise ValueError(f"constant {name:.20}… is another")
        graph = parse(text.decode(), consts)
        _check_extent(graph)
        _check_types(graph)
        verify(graph)
        used = {node.op.name for node in every_node(graph)}
    except Exception as error:  # whatever an op's rule meets on attributes that nobody would write
        what = error.what if isinstance(error, KgcError) else f"{type(error).__name__}: {error}"
        raise ArtifactError(f"{path}: its IR does not hold: {what[:500]}") from error
    if used != set(ops):
        raise ArtifactError(
            f"{path} is damaged: its IR uses other ops than its header says",
            received=", ".join(sorted(used ^ set(ops))),
        )
    return graph


def check_versions(ops: Mapping[str, int], path: str) -> None:
    """Raise ArtifactError unless this kgc has these ops with these meanings."""
    for name, version in ops.items():
        op = REGISTRY.get(name)
        mine = 0 if op is None else op.version
        if version > mine:
            lacks = f"does not have the op '{name:.80}'" if op is None else f"has version {mine} of the op '{name}'"
            raise ArtifactError(
                f"{path} was made by a newer kgc than this one, which {lacks}",
                received=f"{name:.80}: version {version}",
                hint="upgrade kgc.",
            )
        if version < mine:
            raise ArtifactError(
                f"{path} uses the op '{name}' as it was meant before: this kgc has version {mine} of it",
                received=f"{name}: version {version}",
                hint="load it with the kgc that its `producer` names, or export the model again.",
            )


def agrees(spec: TensorSpec, value: Value) -> bool:
    """Whether a signature says of a value what the IR says; unknown sizes have names of their own."""
    type_ = value.type
    return (
        spec.dtype == type_.dtype
        and len(spec.shape) == type_.rank
        and all(
            mine == size if isinstance(size, int) else isinstance(mine, str)
            for mine, size in zip(spec.shape, type_.shape, strict=True)
        )
    )


def every_node(graph: Graph) -> Iterator[Node]:
    """The nodes of a graph and of all its regions, each region once."""
    for one in _graphs(graph):
        yield from one.nodes


def _graphs(graph: Graph) -> list[Graph]:
    """A graph's regions and theirs, those inside first, each once; then itself."""
    found: dict[int, Graph] = {}

    def visit(one: Graph, depth: int) -> None:
        if depth > DEEPEST:
            raise ValueError(f"regions are nested more than {DEEPEST} deep")
        if id(one) not in found:
            for node in one.nodes:
                for region in node.regions():
                    visit(region, depth + 1)
            found[id(one)] = one

    visit(graph, 0)
    return list(found.values())


def _check_extent(graph: Graph) -> None:
    """Bound what the graph unfolds to: a region is worked through once for each node that holds it."""
    extent: dict[int, int] = {}
    written = 0
    for one in _graphs(graph):
        extent[id(one)] = sum(1 + sum(extent[id(region)] for region in node.regions()) for node in one.nodes)
        written += len(one.nodes)
        types = [value.type for value in one.arguments()]
        for node in one.nodes:
            types += [result.type for result in node.results]
            if sum(1 for _ in node.uses()) > MOST_OPERANDS:
                raise ValueError(f"{node.op.name} has more than {MOST_OPERANDS} operands")
        for type_ in dict.fromkeys(types):
            _check_size(type_)
    if extent[id(graph)] > 10_000 + 32 * written:
        raise ValueError(f"{written} nodes unfold to {extent[id(graph)]}")


def _check_size(type_: TensorType) -> None:
    if math.prod(size for size in type_.shape if isinstance(size, int)) > LARGEST_TENSOR:
        raise ValueError(f"a tensor of type {type_}")


def _check_types(graph: Graph) -> None:
    """Type every node (the verifier then finds what this leaves in the memo), for as long as an honest file takes."""
    graphs = _graphs(graph)
    deadline = time.monotonic() + 60 + 0.05 * sum(len(one.nodes) for one in graphs)
    for one in graphs:
        for node in one.nodes:
            if node.op is extern:
                continue
            infer.result_types(node.op, node.operands, node.attrs, "", None)
            if time.monotonic() > deadline:
                raise ValueError("its types take longer to check than those of any model")
