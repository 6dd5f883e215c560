"""The op catalogue: importing this package registers every op."""

from __future__ import annotations

from . import (
    activation as activation,
    attention as attention,
    checkpoint as checkpoint,
    control as control,
    conv as conv,
    conv_recurrent as conv_recurrent,
    conv_transpose as conv_transpose,
    creation as creation,
    elementwise as elementwise,
    fused as fused,
    image as image,
    indexing as indexing,
    lax as lax,
    linalg as linalg,
    losses as losses,
    normalization as normalization,
    pooling as pooling,
    random as random,
    recurrent as recurrent,
    reduction as reduction,
    sampling as sampling,
    shape as shape,
    sorting as sorting,
)
