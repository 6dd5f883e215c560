"""The op catalogue: importing this package registers every op."""

from __future__ import annotations

from . import (
    activation as activation,
    control as control,
    conv as conv,
    creation as creation,
    elementwise as elementwise,
    indexing as indexing,
    lax as lax,
    linalg as linalg,
    losses as losses,
    normalization as normalization,
    pooling as pooling,
    random as random,
    reduction as reduction,
    shape as shape,
)
