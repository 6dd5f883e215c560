"""`kgc.ops`: what a `call` may compute with, and what may stand between layers.

Ops come from the compiler's catalogue, composites of them from `composites`.
"""

from __future__ import annotations

from ..compiler.ops.activation import (
    elu as elu,
    gelu as gelu,
    hard_sigmoid as hard_sigmoid,
    hard_silu as hard_silu,
    leaky_relu as leaky_relu,
    log_sigmoid as log_sigmoid,
    log_softmax as log_softmax,
    mish as mish,
    relu as relu,
    relu6 as relu6,
    selu as selu,
    sigmoid as sigmoid,
    silu as silu,
    softmax as softmax,
    softplus as softplus,
    softsign as softsign,
    tanh as tanh,
)
from ..compiler.ops.attention import (
    dot_product_attention as dot_product_attention,
)
from ..compiler.ops.conv import (
    conv as conv,
)
from ..compiler.ops.conv_transpose import (
    conv_transpose as conv_transpose,
)
from ..compiler.ops.creation import (
    dim_size as dim_size,
)
from ..compiler.ops.elementwise import (
    absolute as absolute,
    add as add,
    cast as cast,
    ceil as ceil,
    clip as clip,
    cos as cos,
    divide as divide,
    equal as equal,
    erf as erf,
    exp as exp,
    expm1 as expm1,
    floor as floor,
    floor_divide as floor_divide,
    greater as greater,
    greater_equal as greater_equal,
    isfinite as isfinite,
    isnan as isnan,
    less as less,
    less_equal as less_equal,
    log as log,
    log1p as log1p,
    logical_and as logical_and,
    logical_not as logical_not,
    logical_or as logical_or,
    logical_xor as logical_xor,
    maximum as maximum,
    minimum as minimum,
    mod as mod,
    multiply as multiply,
    negative as negative,
    not_equal as not_equal,
    power as power,
    reciprocal as reciprocal,
    round as round,
    rsqrt as rsqrt,
    sign as sign,
    sin as sin,
    sqrt as sqrt,
    square as square,
    stop_gradient as stop_gradient,
    subtract as subtract,
    where as where,
)
from ..compiler.ops.indexing import (
    getitem as getitem,
    one_hot as one_hot,
    take as take,
    take_along_axis as take_along_axis,
)
from ..compiler.ops.linalg import (
    matmul as matmul,
)
from ..compiler.ops.losses import (
    binary_crossentropy as binary_crossentropy,
    categorical_crossentropy as categorical_crossentropy,
    sparse_categorical_crossentropy as sparse_categorical_crossentropy,
)
from ..compiler.ops.normalization import (
    batch_normalization as batch_normalization,
    layer_normalization as layer_normalization,
    moments as moments,
)
from ..compiler.ops.pooling import (
    average_pool as average_pool,
    max_pool as max_pool,
)
from ..compiler.ops.reduction import (
    all as all,
    any as any,
    argmax as argmax,
    argmin as argmin,
    cumsum as cumsum,
    logsumexp as logsumexp,
    max as max,
    mean as mean,
    min as min,
    prod as prod,
    std as std,
    sum as sum,
    var as var,
)
from ..compiler.ops.shape import (
    broadcast_to as broadcast_to,
    concatenate as concatenate,
    expand_dims as expand_dims,
    flip as flip,
    pad as pad,
    repeat as repeat,
    reshape as reshape,
    split as split,
    squeeze as squeeze,
    stack as stack,
    tile as tile,
    transpose as transpose,
)
from ..compiler.ops.sorting import (
    top_k as top_k,
)
from .composites import (
    abs as abs,
    arange as arange,
    composite as composite,
    convert_to_numpy as convert_to_numpy,
    convert_to_tensor as convert_to_tensor,
    einsum as einsum,
    eye as eye,
    full as full,
    full_like as full_like,
    is_tensor as is_tensor,
    norm as norm,
    ones as ones,
    ones_like as ones_like,
    shape as shape,
    swapaxes as swapaxes,
    swish as swish,
    true_divide as true_divide,
    unstack as unstack,
    zeros as zeros,
    zeros_like as zeros_like,
)
