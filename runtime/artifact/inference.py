"""An artifact as a callable: the model's outputs from its inputs (`program.load` makes one)."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax import export

from ...compiler.errors import ArgumentError, ArtifactError, DataError, ShapeError, nearest, shown
from ...compiler.graph import Graph
from ...compiler.op import REGISTRY
from ...compiler.types import dtype_name, jax_dtype
from .. import seeds
from ..program import data_names
from ..store import refuse_tracers
from . import examples, header as headers, stablehlo
from .checked import agrees, every_node, read_ir
from .container import Container
from .execution import Execution
from .fields import ArraySpec, Example, TensorSpec
from .header import Header, Signature


class Artifact:
    """A model without its code; call it as the model.

    Attributes:
        signature: inputs and outputs, with names, dtypes and shapes.
        graph: what is run, as IR.
    """

    def __init__(self, container: Container, header: Header, trust: bool = False) -> None:
        if sys.byteorder != "little":
            raise ArtifactError(f"{container.path} holds little-endian arrays, and this machine is big-endian")
        self._container, self._trusted = container, trust
        self._header = header
        if header.extern and not trust:
            raise ArtifactError(
                f"{container.path} holds functions with gradient rules of their own, as StableHLO",
                received=f"{len(header.extern)} of them",
                hint="`kgc.load(path, trust=True)` loads it; do that only if you trust who made the file.",
            )
        for spec in (*header.params, *header.state, *header.consts.values()):
            self._check_array(spec)
        text = container.copy(header.ir)
        stablehlo.enter_externs(container, header.extern)
        consts = {name: self._array(spec) for name, spec in header.consts.items()}
        self.graph: Graph = read_ir(text, consts, header.ops, container.path)
        self._check_externs()
        self.signature: Signature = header.signature
        self._check_signature()
        self._check_example()
        self._execution = Execution(self.graph, container.hash(header.ir))
        names = [spec.name for spec in self.signature.input_specs]
        self._positions = [names.index(name) for name in data_names(self.graph)]
        self._specs = self.signature.input_specs
        # What a call need not look at again: arrays of one tensor to one tensor, of shapes and dtypes that it took.
        single = isinstance(self.signature.inputs, TensorSpec) and len(self._positions) == 1
        self._plain = single and isinstance(self.signature.outputs, TensorSpec) and not self.signature.random
        self._seen: set[Any] = set()
        self._arrays: tuple[Any, ...] | None = None
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        if name in ("fit", "train_on_batch", "learning_rate", "export"):
            raise AttributeError(
                f"'{self.name}' was exported for inference, so its artifact has no '{name}': "
                "`model.export(path, training=True)` writes one that can be trained"
            )
        instead = ": it is called, `artifact(x)`" if name in ("predict", "predict_on_batch") else ""
        raise AttributeError(f"an artifact has no '{name}'{instead}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "learning_rate" and not hasattr(type(self), name):
            self.__getattr__(name)  # raises: a rate that nothing reads would be lost in silence
        super().__setattr__(name, value)

    @property
    def name(self) -> str:
        """The model's name."""
        return self._header.name

    def __repr__(self) -> str:
        return f"<artifact {self.name}: {self.signature}>"

    def __call__(self, inputs: Any = None, /, *, seed: int | None = None, **named: Any) -> Any:
        """The outputs, nested as the model's, as JAX arrays.

        Args:
            inputs: arrays nested as the model's inputs, or a dict by input names; any batch size.
            seed: from 0 to 2**64 - 1, of the random numbers; None for others in every call (see `signature.random`).
            named: the inputs by name, in place of `inputs`.

        Raises:
            ArgumentError: neither or both of them, or a seed where nothing is random.
            DataError, ShapeError: they are not the inputs of the signature.
        """
        if seed is None and not named and isinstance(inputs, np.ndarray | jax.Array):
            if (inputs.shape, inputs.dtype) in self._seen:
                return self._run((inputs,), None)[0]
        if (inputs is None) == (not named):
            raise ArgumentError(
                f"'{self.name}' is called on its inputs, or on each by its name",
                received=", ".join(named) or "nothing",
                hint=f"it is {self.signature}.",
            )
        outputs = self._computed(self._flat(named or inputs), seed)
        if self._plain and not named and getattr(inputs, "dtype", None) == self._specs[0].dtype:
            if len(self._seen) < 1024:
                self._seen.add((inputs.shape, inputs.dtype))
        return headers.pack(self.signature.outputs, outputs)

    def run(self, inputs: Mapping[str, Any], seed: int | None = None) -> dict[str, Any]:
        """Outputs by name, from inputs by name (flat, whatever the model's structure)."""
        outputs = self._computed(self._named(inputs), seed)
        return {spec.name: output for spec, output in zip(self.signature.output_specs, outputs, strict=True)}

    def _computed(self, flat: list[Any], seed: int | None) -> list[Any]:
        data = tuple([self._fitted(flat[at], self._specs[at]) for at in self._positions])
        return self._run(data, self._address(seed))

    def _run(self, data: tuple[Any, ...], address: Any) -> list[Any]:
        if not self.graph.assigns:
            return self._execution(data, self.weights(), address)[0]
        with self._lock:  # state that a call changes
            arrays = self._held()
            outputs, assigned = self._execution(data, arrays, address)
            refuse_tracers(assigned)
            self._arrays = self._execution.advanced(arrays, assigned)
            self._assigned()
        return outputs

    def _assigned(self) -> None:
        """A call changed state."""

    def verify(self) -> float:
        """Run the recorded example: the largest deviation from its outputs, in units of what is tolerated (under 1).

        Every part of the file is read, and its hash compared.

        Raises:
            ArtifactError: a part is damaged; the outputs are others; or the file has no example.
        """
        for number in range(len(self._container.sizes)):
            self._container.part(number)
        example = self._header.example
        if not isinstance(example, Example):
            raise ArtifactError(f"{self._container.path} has no example to be held to: {example}")
        outputs = self._recorded(self._on_device())
        found = examples.deviation(outputs, [self._array(spec) for spec in example.outputs])
        if not found <= 1:
            raise ArtifactError(
                f"{self._container.path} does not give the outputs that were recorded in it",
                received=f"{found:.3g} times the tolerance, on {jax.default_backend()}; recorded on {example.platform}",
            )
        return found

    def _recorded(self, arrays: tuple[Any, ...]) -> list[np.ndarray]:
        """The outputs on the recorded inputs, with these arrays."""
        example = self._header.example
        if not isinstance(example, Example):
            return []
        data = tuple(self._array(example.inputs[at]) for at in self._positions)
        execution = Execution(self.graph, self._container.hash(self._header.ir), examples.PRECISION)
        address = examples.address(example.seed) if self.signature.random else None
        try:
            return examples.replayed(execution, data, arrays, address, 1)
        except ValueError as error:
            raise self._container.damaged(f"its program does not take its example: {error}") from error

    def exported(self, platform: str) -> export.Exported:
        """The program as JAX's own export, if the file was loaded with `trust=True` and has one.

        Its `call` takes the inputs, then `weights()`, then uint32[3] (or None where nothing is random), and gives the
        outputs, flat, and the new state.

        Raises:
            ArgumentError: the file is not trusted, or has none for this platform.
        """
        found = self._header.stablehlo.get(platform, "it was not asked for at export")
        if not self._trusted:
            raise ArgumentError(
                f"{self._container.path} was loaded without trust, and StableHLO in it is not handed to JAX",
                hint="`kgc.load(path, trust=True)`, if you trust who made the file.",
            )
        if isinstance(found, str):
            raise ArgumentError(f"{self._container.path} has no StableHLO for {platform!r}: {found}")
        return export.deserialize(bytearray(self._container.copy(found)))

    def weights(self) -> tuple[Any, ...]:
        """Parameters, state and large constants, in the order in which programs take them."""
        arrays = self._arrays
        if arrays is not None:
            return arrays
        with self._lock:
            return self._held()

    # Arrays
    def _held(self) -> tuple[Any, ...]:
        """The arrays as they are now; `_lock` is held."""
        if self._arrays is None:
            self._arrays = self._on_device()
        return self._arrays

    def _on_device(self) -> tuple[Any, ...]:
        header = self._header
        specs = [*header.params, *header.state, *(header.consts[name] for name in self._execution.constants)]
        with jax.ensure_compile_time_eval():  # inside somebody's `jax.jit` too, arrays and no tracers
            return tuple(jax.device_put([self._array(spec) for spec in specs]))

    def _array(self, spec: ArraySpec) -> np.ndarray:
        """An array as it lies in the file."""
        data = self._container.part(spec.part)
        if spec.dtype == "bool" and data.size and data.max() > 1:
            raise self._container.damaged("an array of truth values has others than 0 and 1")
        return np.asarray(data).view(jax_dtype(spec.dtype)).reshape(spec.shape)

    def _check_array(self, spec: ArraySpec) -> None:
        if self._container.bytes_of(spec.part) != spec.size:
            raise self._container.damaged(
                f"{spec.name or 'an array'} is {spec.dtype}{list(spec.shape)}, and its part has another size"
            )

    def _check_externs(self) -> None:
        extern = REGISTRY["extern"]
        named = {node.attr("sha") for node in every_node(self.graph) if node.op is extern}
        if named != set(self._header.extern):
            raise self._container.damaged("its IR calls other functions than the file holds")

    def _check_signature(self) -> None:
        header, graph = self._header, self.graph
        for kind, specs, values in (("params", header.params, graph.params), ("state", header.state, graph.state)):
            sizes = [value.type.shape if value.type.is_static else None for value in values]  # Dims may not compare
            if [(s.name, s.dtype, s.shape) for s in specs] != [
                (v.name, v.dtype, shape) for v, shape in zip(values, sizes, strict=True)
            ]:
                raise self._container.damaged(f"its {kind} are others in the header than in the IR")
        inputs = {spec.name: spec for spec in self.signature.input_specs}
        given = [(inputs.get(value.name), value) for value in graph.inputs if value.dtype != "key"]
        outputs = self.signature.output_specs
        if len(outputs) != len(graph.outputs) or not all(
            spec is not None and agrees(spec, value)
            for spec, value in (*given, *zip(outputs, graph.outputs, strict=False))
        ):
            raise self._container.damaged("its signature is another than that of its IR")
        if self.signature.random != (len(given) < len(graph.inputs)):
            raise self._container.damaged("its signature is wrong about random numbers")

    def _check_example(self) -> None:
        example = self._header.example
        if not isinstance(example, Example):
            return
        for specs, wanted in (
            (example.inputs, self.signature.input_specs),
            (example.outputs, self.signature.output_specs),
        ):
            for spec in specs:
                self._check_array(spec)
            kinds = [(spec.dtype, len(spec.shape)) for spec in specs]
            if kinds != [(spec.dtype, len(spec.shape)) for spec in wanted]:
                raise self._container.damaged("its example is another than its signature")

    # Inputs
    def _flat(self, inputs: Any) -> list[Any]:
        structure = self.signature.inputs
        if isinstance(inputs, Mapping):
            if isinstance(structure, Mapping) and set(inputs) == set(structure):
                return self._like(structure, inputs)
            return self._named(inputs)
        if isinstance(structure, TensorSpec):
            return [inputs]
        if isinstance(structure, Mapping) and isinstance(inputs, list | tuple):
            return self._like(list(structure.values()), inputs)
        return self._like(structure, inputs)

    def _like(self, structure: Any, inputs: Any) -> list[Any]:
        if isinstance(structure, Mapping):
            if isinstance(inputs, Mapping) and set(inputs) == set(structure):
                return [leaf for key, item in structure.items() for leaf in self._like(item, inputs[key])]
        elif not isinstance(structure, list | tuple):
            return [inputs]
        elif isinstance(inputs, list | tuple) and len(inputs) == len(structure):
            return [leaf for item, one in zip(structure, inputs, strict=True) for leaf in self._like(item, one)]
        raise DataError(f"'{self.name}' takes other inputs", received=shown(inputs), hint=f"it is {self.signature}.")

    def _named(self, inputs: Mapping[str, Any]) -> list[Any]:
        names = [spec.name for spec in self._specs]
        for name in inputs:
            if name not in names:
                raise DataError(f"'{self.name}' has no input {name!r}", hint=nearest(str(name), names))
        missing = [name for name in names if name not in inputs]
        if missing:
            raise DataError(
                f"'{self.name}' lacks data for {', '.join(map(repr, missing))}", hint=f"it is {self.signature}."
            )
        return [inputs[name] for name in names]

    def _fitted(self, given: Any, spec: TensorSpec) -> Any:
        """An array in the input's dtype, whose shape may be the input's."""
        array = given if isinstance(given, np.ndarray | jax.Array) else np.asarray(given)
        if array.dtype.kind not in "biufcV":  # V: bfloat16
            raise DataError(f"input '{spec.name}' takes numbers", received=shown(given), hint=f"it is {spec}.")
        shape = array.shape
        fits = len(shape) == len(spec.shape) and all(
            isinstance(size, str) or size == actual for size, actual in zip(spec.shape, shape, strict=True)
        )
        if not fits:
            raise ShapeError(
                f"input '{spec.name}' of '{self.name}' is {spec.dtype}[{', '.join(map(str, spec.shape))}]",
                received=f"{spec.name}: {dtype_name(array.dtype)}{list(shape)}",
                hint="a name stands for any size, and for the same wherever it occurs; b is the batch.",
            )
        return array if array.dtype.name == spec.dtype else array.astype(jax_dtype(spec.dtype))

    def _address(self, seed: int | None) -> Any:
        if not self.signature.random:
            if seed is not None:
                raise ArgumentError(f"'{self.name}' draws no random numbers", received=f"{seed=}")
            return None
        if seed is None:
            address = examples.address(seeds.word(), seeds.next_call("artifact"))
            return address
        return examples.address(seeds.check_seed(seed))
