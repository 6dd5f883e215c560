"""Which dtype a layer computes in, and which its variables have."""

from __future__ import annotations

from typing import Any

from ..compiler.errors import ArgumentError, DTypeError, nearest
from ..compiler.types import SHORT, dtype_name, is_float
from .saving.registry import serializable

_MIXED = {"mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}


@serializable("keras", kind="policy")
class DTypePolicy:
    """A dtype name (`"float32"`), or `"mixed_bfloat16"` / `"mixed_float16"`: compute low, keep variables in float32.

    Raises:
        ArgumentError: the name is no policy.
    """

    def __init__(self, name: str | None = None) -> None:
        name = name or "float32"
        if name in _MIXED:
            self.compute_dtype, self.variable_dtype = _MIXED[name], "float32"
        else:
            self.compute_dtype = self.variable_dtype = dtype_name(name)
        self.name = name

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same policy."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """The policy of a config."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


_default: list[DTypePolicy] = []
_default.append(DTypePolicy("float32"))


def get(identifier: Any) -> DTypePolicy:
    """The policy of None (the global one), a name, a dtype, a policy, or a policy's config.

    Raises:
        DTypeError: it names no policy.
    """
    if identifier is None:
        return _default[0]
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return DTypePolicy(str(identifier.get("config", identifier).get("name")))
    if isinstance(identifier, str) and identifier in _MIXED:
        return DTypePolicy(identifier)
    if isinstance(identifier, str) and identifier not in SHORT:
        raise DTypeError(
            "This is no dtype and no dtype policy",
            received=repr(identifier),
            hint=nearest(identifier, (*_MIXED, *SHORT)),
        )
    return DTypePolicy(dtype_name(identifier))


def dtype_policy() -> DTypePolicy:
    """The policy that layers get when they are given no dtype."""
    return _default[0]


def set_dtype_policy(policy: Any) -> None:
    """Set the policy that layers get when they are given no dtype."""
    _default[0] = get(policy)


def floatx() -> str:
    """The default float dtype."""
    return _floatx[0]


def set_floatx(value: str) -> None:
    """Set the default float dtype: float32, bfloat16 or float16.

    Raises:
        ArgumentError: it is no float dtype that JAX computes in here.
    """
    if value not in ("float32", "bfloat16", "float16") or not is_float(value):
        raise ArgumentError(
            "floatx is float32, bfloat16 or float16", received=repr(value), hint="JAX computes in 32 bits here."
        )
    _floatx[0] = value
    _default[0] = DTypePolicy(value)


_floatx = ["float32"]
