"""Every family whose members files may name: imported so that each stands in the registry's tables."""

from __future__ import annotations

from .. import (
    activations,
    constraints,
    dtype_policies,
    functional,
    initializers,
    input,
    losses,
    metrics,
    optimizers,
    regularizers,
    schedules,
    sequential,
)
from ..layers import (
    activations as activation_layers,
    conv,
    core,
    merging,
    normalization,
    pooling,
    preprocessing,
    regularization,
    reshaping,
)

FAMILIES = (
    activations,
    constraints,
    dtype_policies,
    functional,
    initializers,
    input,
    losses,
    metrics,
    optimizers,
    regularizers,
    schedules,
    sequential,
    activation_layers,
    conv,
    core,
    merging,
    normalization,
    pooling,
    preprocessing,
    regularization,
    reshaping,
)
