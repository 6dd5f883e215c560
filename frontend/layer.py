"""`Layer`: arguments, variables and a `call`.

A layer is called in three places: on symbolic tensors between layers (a call node is recorded), inside the traced
`call` of another layer (its ops are recorded), and on arrays (it is traced, compiled and run).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from ..compiler.errors import ArgumentError, GraphError
from ..runtime.store import STORE
from . import call, dtype_policies, layer_config, masks, naming, regularizers, symbolic, trace, tree
from .layer_weights import LayerWeights
from .saving.registry import slot_base
from .signatures import first_argument
from .variable import Variable


@slot_base("layer")
class Layer(LayerWeights, symbolic.Operation):
    """Base of all layers.  Subclasses write `call`, and `build` where they have weights.

    Args:
        activity_regularizer: penalty on the outputs, added to the loss.
        trainable: whether training changes its weights.
        dtype: dtype name or policy of its computation and weights.
        autocast: whether float inputs are cast to the compute dtype.
        name: unique in a model; by default the class's name in snake case with a number.
    """

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        shape = kwargs.pop("input_shape", None)
        dim = kwargs.pop("input_dim", None)
        self._given_input_shape = tuple(shape) if shape is not None else None if dim is None else (dim,)
        if kwargs:
            raise ArgumentError(
                f"{type(self).__name__}() does not have the argument '{next(iter(kwargs))}'",
                received=", ".join(f"{key}={value!r:.40}" for key, value in kwargs.items()),
                hint=layer_config.usage(type(self), next(iter(kwargs))),
            )
        if name is not None and (not isinstance(name, str) or "/" in name or not name):
            raise ArgumentError(
                f"{type(self).__name__}() takes a name without '/'",
                received=f"name={name!r}",
                hint="'/' stands between the names of layers that are nested.",
            )
        self.name = name or naming.auto_name(type(self).__name__)
        self.dtype_policy = dtype_policies.get(dtype)
        self.autocast = autocast
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.supports_masking = False
        self.inbound_nodes: list[symbolic.CallNode] = []
        self._trainable = bool(trainable)
        self._variables: list[Variable] = []
        self._eager_losses: list[Any] = []
        self._programs: dict[Any, Any] = {}
        self._locked = False
        self.built = False

    _watched = True
    _revision = 0
    _computes_masks = False  # whether the class has a `compute_mask` of its own

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        made = super().__new__(cls)
        object.__setattr__(made, "_init_arguments", (args, kwargs))
        return made

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        call.prepare(cls)
        cls._computes_masks = cls.compute_mask is not Layer.compute_mask

    # What subclasses write
    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape (None where unknown)."""
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs, computed with `kgc.ops` or `jax.numpy`."""
        raise GraphError(
            f"layer '{self.name}' ({type(self).__name__}) has no `call` method",
            received=f"class {type(self).__name__}",
            hint="write `def call(self, inputs): …`, which returns tensors.",
        )

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer; to a subclass's own `get_config`, what every layer has."""
        overridden = type(self).get_config is not Layer.get_config
        return layer_config.base_config(self) if overridden else layer_config.get_config(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer of a config."""
        return layer_config.from_config(cls, config)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shapes of the outputs for inputs of these shapes, batch included, None where unknown."""
        return symbolic.output_shape(self, input_shape)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the outputs: that of the inputs where the layer supports masking.

        Called with symbolic tensors between layers, and with those of the trace inside a `call`: write it with
        `kgc.ops`.
        """
        return previous_mask if self.supports_masking else None

    # Calling
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._require_init()
        if trace.current() is not None:
            return self.run_traced(args, kwargs)
        for leaf in tree.leaves((args, kwargs)):
            if isinstance(leaf, symbolic.KerasTensor):
                kwargs = masks.fill(self, args, kwargs, recorded=True)
                first = first_argument(type(self).call, args, kwargs)
                incoming = masks.incoming(first, kwargs)
                outputs = symbolic.record(self, args, kwargs)
                masks.propagate(self, first, outputs, incoming)
                return outputs
        return self.run_eager(args, kwargs)

    def run_eager(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Outputs on arrays: traced for their shapes, compiled, run."""
        return call.eager(self, args, kwargs)

    def run_traced(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Outputs on Values, recorded in the current trace."""
        return call.traced(self, args, kwargs)

    def _require_init(self) -> None:
        if "_programs" not in self.__dict__:
            raise GraphError(
                f"{type(self).__name__}.__init__ did not call `super().__init__()` before the layer was used",
                hint="make `super().__init__(**kwargs)` the first line of `__init__`.",
            )

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, _KEPT):
            self._require_init()
            if isinstance(value, Variable) and not any(value is known for known in self._variables):
                self._variables.append(value)
        if self._watched and name[0] != "_" and self.__dict__.get("built") and trace.current() is None:
            # What was traced with the old value is stale (a rate, an activation): programs are keyed by this.
            object.__setattr__(self, "_revision", self._revision + 1)
            STORE.touch()
        object.__setattr__(self, name, value)

    # Weights and losses
    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a variable of this layer.

        Args:
            shape: sizes (a number stands for one axis); `()` by default.
            initializer: by default GlorotUniform for floats and zeros for integers.
            trainable: False for state such as moving averages.
            regularizer, constraint: penalty on, and projection of, the weight.

        Raises:
            GraphError: in a `call` that is traced again, where weights can no longer be made.
        """
        self._require_init()
        if overwrite_with_gradient:
            raise ArgumentError(
                "add_weight() does not support overwrite_with_gradient yet",
                received=f"{overwrite_with_gradient=}",
                hint="leave it out.",
            )
        return call.make_weight(
            self, shape, initializer, dtype, trainable, autocast, regularizer, constraint, aggregation, name
        )

    def add_loss(self, loss: Any) -> None:
        """Add a scalar (or several) to the loss; called inside `call`."""
        call.add_loss(self, loss)

    @property
    def losses(self) -> list[Any]:
        """Values of the losses that this layer and its sublayers add, of the last eager call, and regularisation."""
        return call.losses(self)

    @property
    def compute_dtype(self) -> str:
        """Dtype of the computation."""
        return self.dtype_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """Dtype of the weights."""
        return self.dtype_policy.variable_dtype

    @property
    def dtype(self) -> str:
        """Dtype of the weights, as Keras has it."""
        return self.dtype_policy.variable_dtype

    # The call graph
    @property
    def input(self) -> Any:
        """The symbolic inputs of the layer's first call."""
        node = self._first_node("input")
        return node.args[0] if len(node.args) == 1 and not node.kwargs else node.inputs

    @property
    def output(self) -> Any:
        """The symbolic outputs of the layer's first call."""
        return self._first_node("output").structure

    def _first_node(self, what: str) -> symbolic.CallNode:
        if not self.inbound_nodes:
            raise GraphError(
                f"layer '{self.name}' has no {what}",
                received="0 calls on symbolic tensors",
                hint=f"call it on a symbolic tensor for `layer.{what}`.",
            )
        return self.inbound_nodes[0]

    def _sublayers(self) -> list[tuple[str, Layer]]:
        """(attribute, layer) for the layers in attributes, lists, tuples and dicts, each once."""
        found: dict[int, tuple[str, Layer]] = {}
        for attribute, value in self.__dict__.items():
            cls = type(value)
            if cls in _NO_LAYERS or attribute in _NOT_SUBLAYERS:
                continue
            for layer in _layers_in(value):
                found.setdefault(id(layer), (attribute, layer))
            if not issubclass(cls, (Layer, list, tuple, Mapping)):
                _NO_LAYERS.add(cls)
        return list(found.values())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


_KEPT = (Variable, Layer)
_NOT_SUBLAYERS = frozenset(
    {"_functional", "_init_arguments", "inbound_nodes", "_programs", "_variables", "_eager_losses"}
)


_NO_LAYERS: set[type] = set()
"""Classes of attributes that hold no layers: models of thousands of layers are walked often."""


def _layers_in(value: Any) -> list[Layer]:
    if isinstance(value, Layer):
        return [value]
    return [leaf for leaf in tree.leaves(value) if isinstance(leaf, Layer)]
