"""The call graph: what users hold between layer calls, and the calls themselves.

A `KerasTensor` is the result of one call; a `CallNode` is that call: the operation (a layer, a model, or a function
of `kgc.ops`), the nested arguments, the results, and the user's line.  `Model(inputs, outputs)` is the part of this
graph between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..compiler import dims, location
from ..compiler.dims import Dim
from ..compiler.errors import GraphError
from ..compiler.ir import Value
from ..compiler.tensor import OPERATORS, TensorMethods
from ..compiler.types import TensorType, tensor_type
from . import dtype_policies, tree
from .naming import auto_name
from .saving.op_names import BY_FUNCTION
from .trace import Trace, current


class Operation:
    """What a call node calls: has a name, knows its calls, and runs inside a trace."""

    name: str
    inbound_nodes: list[CallNode]

    def run_traced(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Outputs on Values, in the current trace."""
        raise NotImplementedError


class CallNode:
    """One call of an operation.

    Attributes:
        args, kwargs: as given, nested, with KerasTensors in them.
        inputs, outputs: the KerasTensors among the arguments, and the results, flat.
        structure: the results as the operation nests them.
        index: which call of the operation this is.
    """

    __slots__ = ("args", "index", "inputs", "kwargs", "loc", "operation", "outputs", "structure")

    def __init__(self, operation: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.operation, self.args, self.kwargs = operation, args, kwargs
        self.inputs = [leaf for leaf in tree.leaves((args, kwargs)) if isinstance(leaf, KerasTensor)]
        self.outputs: list[KerasTensor] = []
        self.structure: Any = None
        self.loc = location.here()
        self.index = len(operation.inbound_nodes)

    def parents(self) -> Iterator[CallNode]:
        """The calls whose results this one takes."""
        for tensor in self.inputs:
            yield tensor.node

    def __repr__(self) -> str:
        return f"<call {self.index} of {self.operation.name}>"


class KerasTensor(TensorMethods):
    """Result of a layer call on symbolic tensors.

    Attributes:
        type: element type and sizes, unknown ones by name.
        node: the call that gives it; `index` says which of its results it is.
    """

    __slots__ = ("__weakref__", "_keras_mask", "index", "name", "node", "type")

    def __init__(self, type: TensorType, node: CallNode, index: int, name: str) -> None:
        self.type, self.node, self.index, self.name = type, node, index, name
        self._keras_mask: KerasTensor | None = None  # as Keras calls it; see `masks`

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Sizes; None where unknown."""
        return public_shape(self.type)

    @property
    def dtype(self) -> str:
        """Name of the element type."""
        return self.type.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.type.rank

    def __kgc_record__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self._call(op, op.name, args, kwargs)

    def _call(self, op: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        tracing = current()
        if tracing is not None:
            raise foreign_tensor(f"{name}() in layer '{tracing.path}'", self)
        return record(FunctionCall(op, name), args, kwargs)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = _UFUNCS.get(ufunc.__name__)
        if name is not None and method == "__call__" and not kwargs:  # `array * tensor` comes here
            return self._call(OPERATORS[name], "true_divide" if name == "divide" else name, inputs, {})
        called = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
        raise GraphError(
            f"{called} of NumPy was given a symbolic tensor, which has no values until the model runs",
            received=repr(self),
            hint="use the function of the same name in `kgc.ops`.",
        )

    @property
    def __jax_array__(self) -> Any:
        raise GraphError(
            "a function of `jax.numpy` was given a symbolic tensor between layers, where it has no values",
            received=repr(self),
            hint="`kgc.ops` works between layers; `jax.numpy` works inside a layer's `call`.",
        )

    def __ne__(self, other: object) -> Any:
        # As in Keras: `!=` is an op, while `==` and the hash are identity, so that tensors can be dict keys.
        if other is None or isinstance(other, str):
            return True
        return OPERATORS["not_equal"](self, other)

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    # To Keras the operator is another function than `ops.divide`, and files and summaries say so.
    def __truediv__(self, other: Any) -> Any:
        return self._call(OPERATORS["divide"], "true_divide", (self, other), {})

    def __rtruediv__(self, other: Any) -> Any:
        return self._call(OPERATORS["divide"], "true_divide", (other, self), {})

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, sparse=False, name={self.name}>"


_UFUNCS = {
    "add": "add", "subtract": "subtract", "multiply": "multiply", "divide": "divide", "floor_divide": "floor_divide",
    "remainder": "mod", "power": "power", "matmul": "matmul", "less": "less", "less_equal": "less_equal",
    "greater": "greater", "greater_equal": "greater_equal", "equal": "equal", "not_equal": "not_equal",
    "logical_and": "logical_and", "logical_or": "logical_or", "logical_xor": "logical_xor",
    "bitwise_and": "logical_and", "bitwise_or": "logical_or", "bitwise_xor": "logical_xor",
}  # fmt: skip
"""Operators of a NumPy array on the left of a tensor, and the ops that they mean."""


def foreign_tensor(caller: str, tensor: KerasTensor) -> GraphError:
    """The error for a tensor of the model inside a layer's `call`, which sees tensors of its own."""
    return GraphError(
        f"{caller} was given a symbolic tensor of the model inside another layer's `call`",
        received=repr(tensor),
        hint="pass the tensor to the layer as an argument of its call.",
    )


class FunctionCall(Operation):
    """A function of `kgc.ops`, called on symbolic tensors."""

    def __init__(self, function: Any, name: str) -> None:
        self.function = function
        self.public_name = name
        self.name = auto_name(class_name(name))
        self.inbound_nodes = []
        self.built = True

    def run_traced(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.function(*args, **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return record(self, args, kwargs)


def class_name(function: str) -> str:
    """The class that Keras has for a function: `GetItem` for `getitem`."""
    row = BY_FUNCTION.get(function)
    return row.class_name if row is not None else "".join(part.title() for part in function.split("_"))


def public_shape(type_: TensorType) -> tuple[int | None, ...]:
    """Sizes as Keras shows them: None where unknown."""
    return tuple([None if isinstance(size, Dim) else size for size in type_.shape])


def record(operation: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Make the call node of `operation(*args, **kwargs)`; its results as KerasTensors, nested as it nests them.

    The call is traced on its own to find the types of its results; whatever is wrong with it shows here, at the user's
    line.
    """
    node = CallNode(operation, args, kwargs)
    with Trace("call", training=None) as tracing:
        tracing.builder.loc = node.loc
        given = {
            id(tensor): tracing.builder.input(f"x{i}", tensor.type) for i, tensor in enumerate(_distinct(node.inputs))
        }
        for tensor in _distinct(node.inputs):
            if tensor._keras_mask is not None:
                mask = tracing.builder.input(f"mask of {given[id(tensor)].name}", tensor._keras_mask.type)
                tracing.set_mask(given[id(tensor)], mask)
        filled = tree.map_leaves(
            lambda leaf: given[id(leaf)] if isinstance(leaf, KerasTensor) else leaf, (args, kwargs)
        )
        outputs = operation.run_traced(*filled)
        flat = list(tree.leaves(outputs))
        check_outputs(operation, flat)
        graph = tracing.finish(flat)
    names = [operation.name] * len(flat)
    node.outputs = [
        KerasTensor(unweakened(value.type), node, index, name)
        for index, (value, name) in enumerate(zip(graph.outputs, names, strict=True))
    ]
    node.structure = tree.pack(outputs, node.outputs)
    operation.inbound_nodes.append(node)
    return node.structure


def output_shape(operation: Operation, input_shape: Any) -> Any:
    """Shapes of the results for inputs of these shapes, None where unknown, nested as they are.

    The call is traced, which builds a layer that was not built yet.
    """
    with Trace("call", training=None) as tracing:
        tracing.builder.loc = location.here()
        outputs = operation.run_traced((_input_values(tracing, input_shape),), {})
        flat = list(tree.leaves(outputs))
        check_outputs(operation, flat)
        graph = tracing.finish(flat)
    return tree.pack(outputs, [public_shape(value.type) for value in graph.outputs])


def _input_values(tracing: Trace, shape: Any) -> Any:
    """An input of the trace for each shape in the structure; floats of the default dtype."""
    if isinstance(shape, Mapping):
        return {key: _input_values(tracing, item) for key, item in shape.items()}
    if not all(size is None or isinstance(size, int) for size in shape):
        return [_input_values(tracing, item) for item in shape]
    sizes = [dims.fresh("t" if axis else "b") if size is None else size for axis, size in enumerate(shape)]
    return tracing.builder.input("x", tensor_type(tuple(sizes), dtype_policies.floatx()))


def unweakened(type_: TensorType) -> TensorType:
    """The type a tensor has between layers, where nothing is weakly typed."""
    return tensor_type(type_.shape, type_.dtype) if type_.weak else type_


def check_outputs(operation: Operation, flat: list[Any]) -> None:
    """Refuse what is no tensor among the results of a call."""
    for item in flat:
        if type(item) is not Value and (
            isinstance(item, str | KerasTensor) or not (hasattr(item, "shape") or isinstance(item, int | float))
        ):
            raise GraphError(
                f"'{operation.name}' must return tensors",
                received=f"{type(item).__name__}: {item!r:.80}",
                hint="`call` computes with the tensors it is given and returns tensors, or lists, tuples "
                "or dicts of them.",
            )


def _distinct(tensors: list[KerasTensor]) -> list[KerasTensor]:
    return list({id(tensor): tensor for tensor in tensors}.values())
