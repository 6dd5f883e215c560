"""What an artifact's header says, as Python values: made for writing, and checked one by one when read.

Nothing here needs JAX, so `kgc inspect` does not either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...compiler.errors import ArtifactError
from . import training_header
from .fields import (
    ArraySpec,
    Example,
    Fields,
    TensorSpec,
    Text,
    Wrong,
    array_fields,
    leaves,
    map_leaves as map_leaves,
    pack as pack,
    packed,
    shown,
)
from .training_header import TrainingHeader


@dataclass(frozen=True)
class Signature:
    """What an artifact takes and gives.

    Attributes:
        inputs, outputs: a TensorSpec, or lists, tuples and dicts of them, nested as the model's.
        random: whether outputs depend on random numbers, and so on the `seed` of a call.
        targets: what training takes beside the inputs, by the name of the output; empty where the file cannot train.
        logs: what a step of training gives.
    """

    inputs: Any
    outputs: Any
    random: bool = False
    targets: tuple[TensorSpec, ...] = ()
    logs: tuple[str, ...] = ()

    @property
    def input_specs(self) -> list[TensorSpec]:
        """The inputs, flat."""
        return list(leaves(self.inputs))

    @property
    def output_specs(self) -> list[TensorSpec]:
        """The outputs, flat."""
        return list(leaves(self.outputs))

    def __str__(self) -> str:
        text = f"{shown(self.inputs)} -> {shown(self.outputs)}" + (" with random numbers" if self.random else "")
        if self.logs:
            text += f"; trains on {', '.join(map(str, self.targets)) or 'the inputs'} -> {', '.join(self.logs)}"
        return text


@dataclass(frozen=True)
class Header:
    """The map of the package's docstring; texts in place of an example or of StableHLO say why there is none."""

    name: str
    signature: Signature
    ir: int
    ops: Mapping[str, int]
    params: list[ArraySpec]
    state: list[ArraySpec]
    consts: Mapping[str, ArraySpec]
    example: Example | str
    stablehlo: Mapping[str, int | str]
    extern: Mapping[str, int]
    producer: Mapping[str, str]
    training: TrainingHeader | None = None

    def fields(self) -> dict[str, Any]:
        """As msgpack takes it."""
        signature = {
            "inputs": packed(self.signature.inputs),
            "outputs": packed(self.signature.outputs),
            "random": self.signature.random,
        }
        return {
            "name": self.name,
            "signature": signature,
            "ir": Text(self.ir, self.ops).fields(),
            "params": [array_fields(spec) for spec in self.params],
            "state": [array_fields(spec) for spec in self.state],
            "consts": {name: array_fields(spec) for name, spec in self.consts.items()},
            "example": self.example.fields() if isinstance(self.example, Example) else self.example,
            "stablehlo": dict(self.stablehlo),
            "extern": dict(self.extern),
            "producer": dict(self.producer),
            "training": None if self.training is None else self.training.fields(),
        }


def read(fields: Mapping[str, Any], path: str) -> Header:
    """The header of a file.

    Raises:
        ArtifactError: something lacks, is of another kind than it should, or stands twice.
    """
    try:
        return _Reader().header(fields)
    except Wrong as error:
        raise ArtifactError(f"{path} is damaged: its header is wrong: {error}") from None


_KEYS = (
    "name", "signature", "ir", "params", "state", "consts", "example", "stablehlo", "extern", "producer", "training",
)  # fmt: skip


class _Reader(Fields):
    def header(self, fields: Any) -> Header:
        self.keys(fields, "the header", _KEYS)
        ir = self.ir(fields["ir"])
        params, state = (self.arrays(fields[key], key) for key in ("params", "state"))
        self.unique("params and state", [spec.name for spec in (*params, *state)])
        platforms = self.map(fields["stablehlo"], "stablehlo")
        training = None if fields["training"] is None else training_header.read(self, fields["training"])
        return Header(
            self.text(fields["name"], "name"),
            self.signature(fields["signature"], training),
            ir.part,
            ir.ops,
            params,
            state,
            {name: self.array(item, False) for name, item in self.map(fields["consts"], "consts").items()},
            self.example(fields["example"]),
            {name: v if type(v) is str else self.count(v, "part") for name, v in platforms.items()},
            {name: self.count(v, "part") for name, v in self.map(fields["extern"], "extern").items()},
            {name: self.text(v, "version") for name, v in self.map(fields["producer"], "producer").items()},
            training,
        )

    def signature(self, value: Any, training: TrainingHeader | None) -> Signature:
        self.keys(value, "signature", ["inputs", "outputs", "random"])
        inputs, outputs = self.nested(value["inputs"], 0), self.nested(value["outputs"], 0)
        for kind, structure in (("inputs", inputs), ("outputs", outputs)):
            self.unique(kind, [spec.name for spec in leaves(structure)])
        random = self.of(bool, value["random"], "random")
        if training is None:
            return Signature(inputs, outputs, random)
        # A target bears the name of its output in the signature, and one of its own in the graph.
        names = [spec.name for spec in leaves(outputs)]
        if not set(training.outputs) <= set(names):
            raise Wrong("targets of outputs that are not there")
        targets = tuple(
            TensorSpec(output, spec.dtype, spec.shape)
            for output, spec in zip(training.outputs, training.targets, strict=True)
        )
        return Signature(inputs, outputs, random, targets, tuple(training.logs))
