"""`kgc.ops`: operations on tensors, symbolic or concrete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "abs", "absolute", "add", "all", "any", "arange", "argmax", "argmin", "average_pool", "batch_normalization",
    "binary_crossentropy", "broadcast_to", "cast", "categorical_crossentropy", "ceil", "clip", "concatenate", "conv",
    "conv_transpose", "convert_to_numpy", "convert_to_tensor", "cos", "cumsum", "divide", "dot_product_attention",
    "einsum", "elu", "equal", "erf", "exp", "expand_dims", "expm1", "eye", "flip", "floor", "floor_divide", "full",
    "full_like", "gelu", "greater", "greater_equal", "hard_sigmoid", "hard_silu", "is_tensor", "isfinite", "isnan",
    "layer_normalization", "leaky_relu", "less", "less_equal", "log", "log1p", "log_sigmoid", "log_softmax",
    "logical_and", "logical_not", "logical_or", "logical_xor", "logsumexp", "matmul", "max", "max_pool", "maximum",
    "mean", "min", "minimum", "mod", "moments", "multiply", "negative", "norm", "not_equal", "one_hot", "ones",
    "ones_like", "pad", "power", "prod", "reciprocal", "relu", "relu6", "repeat", "reshape", "round", "rsqrt", "selu",
    "shape", "sigmoid", "sign", "silu", "sin", "softmax", "softplus", "softsign", "sparse_categorical_crossentropy",
    "split", "sqrt", "square", "squeeze", "stack", "std", "stop_gradient", "subtract", "sum", "swapaxes", "swish",
    "take", "take_along_axis", "tanh", "tile", "top_k", "transpose", "true_divide", "unstack", "var", "where", "zeros",
    "zeros_like",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.ops import abs as abs
    from kgc.frontend.ops import absolute as absolute
    from kgc.frontend.ops import add as add
    from kgc.frontend.ops import all as all
    from kgc.frontend.ops import any as any
    from kgc.frontend.ops import arange as arange
    from kgc.frontend.ops import argmax as argmax
    from kgc.frontend.ops import argmin as argmin
    from kgc.frontend.ops import average_pool as average_pool
    from kgc.frontend.ops import batch_normalization as batch_normalization
    from kgc.frontend.ops import binary_crossentropy as binary_crossentropy
    from kgc.frontend.ops import broadcast_to as broadcast_to
    from kgc.frontend.ops import cast as cast
    from kgc.frontend.ops import categorical_crossentropy as categorical_crossentropy
    from kgc.frontend.ops import ceil as ceil
    from kgc.frontend.ops import clip as clip
    from kgc.frontend.ops import concatenate as concatenate
    from kgc.frontend.ops import conv as conv
    from kgc.frontend.ops import conv_transpose as conv_transpose
    from kgc.frontend.ops import convert_to_numpy as convert_to_numpy
    from kgc.frontend.ops import convert_to_tensor as convert_to_tensor
    from kgc.frontend.ops import cos as cos
    from kgc.frontend.ops import cumsum as cumsum
    from kgc.frontend.ops import divide as divide
    from kgc.frontend.ops import dot_product_attention as dot_product_attention
    from kgc.frontend.ops import einsum as einsum
    from kgc.frontend.ops import elu as elu
    from kgc.frontend.ops import equal as equal
    from kgc.frontend.ops import erf as erf
    from kgc.frontend.ops import exp as exp
    from kgc.frontend.ops import expand_dims as expand_dims
    from kgc.frontend.ops import expm1 as expm1
    from kgc.frontend.ops import eye as eye
    from kgc.frontend.ops import flip as flip
    from kgc.frontend.ops import floor as floor
    from kgc.frontend.ops import floor_divide as floor_divide
    from kgc.frontend.ops import full as full
    from kgc.frontend.ops import full_like as full_like
    from kgc.frontend.ops import gelu as gelu
    from kgc.frontend.ops import greater as greater
    from kgc.frontend.ops import greater_equal as greater_equal
    from kgc.frontend.ops import hard_sigmoid as hard_sigmoid
    from kgc.frontend.ops import hard_silu as hard_silu
    from kgc.frontend.ops import is_tensor as is_tensor
    from kgc.frontend.ops import isfinite as isfinite
    from kgc.frontend.ops import isnan as isnan
    from kgc.frontend.ops import layer_normalization as layer_normalization
    from kgc.frontend.ops import leaky_relu as leaky_relu
    from kgc.frontend.ops import less as less
    from kgc.frontend.ops import less_equal as less_equal
    from kgc.frontend.ops import log as log
    from kgc.frontend.ops import log1p as log1p
    from kgc.frontend.ops import log_sigmoid as log_sigmoid
    from kgc.frontend.ops import log_softmax as log_softmax
    from kgc.frontend.ops import logical_and as logical_and
    from kgc.frontend.ops import logical_not as logical_not
    from kgc.frontend.ops import logical_or as logical_or
    from kgc.frontend.ops import logical_xor as logical_xor
    from kgc.frontend.ops import logsumexp as logsumexp
    from kgc.frontend.ops import matmul as matmul
    from kgc.frontend.ops import max as max
    from kgc.frontend.ops import max_pool as max_pool
    from kgc.frontend.ops import maximum as maximum
    from kgc.frontend.ops import mean as mean
    from kgc.frontend.ops import min as min
    from kgc.frontend.ops import minimum as minimum
    from kgc.frontend.ops import mod as mod
    from kgc.frontend.ops import moments as moments
    from kgc.frontend.ops import multiply as multiply
    from kgc.frontend.ops import negative as negative
    from kgc.frontend.ops import norm as norm
    from kgc.frontend.ops import not_equal as not_equal
    from kgc.frontend.ops import one_hot as one_hot
    from kgc.frontend.ops import ones as ones
    from kgc.frontend.ops import ones_like as ones_like
    from kgc.frontend.ops import pad as pad
    from kgc.frontend.ops import power as power
    from kgc.frontend.ops import prod as prod
    from kgc.frontend.ops import reciprocal as reciprocal
    from kgc.frontend.ops import relu as relu
    from kgc.frontend.ops import relu6 as relu6
    from kgc.frontend.ops import repeat as repeat
    from kgc.frontend.ops import reshape as reshape
    from kgc.frontend.ops import round as round
    from kgc.frontend.ops import rsqrt as rsqrt
    from kgc.frontend.ops import selu as selu
    from kgc.frontend.ops import shape as shape
    from kgc.frontend.ops import sigmoid as sigmoid
    from kgc.frontend.ops import sign as sign
    from kgc.frontend.ops import silu as silu
    from kgc.frontend.ops import sin as sin
    from kgc.frontend.ops import softmax as softmax
    from kgc.frontend.ops import softplus as softplus
    from kgc.frontend.ops import softsign as softsign
    from kgc.frontend.ops import sparse_categorical_crossentropy as sparse_categorical_crossentropy
    from kgc.frontend.ops import split as split
    from kgc.frontend.ops import sqrt as sqrt
    from kgc.frontend.ops import square as square
    from kgc.frontend.ops import squeeze as squeeze
    from kgc.frontend.ops import stack as stack
    from kgc.frontend.ops import std as std
    from kgc.frontend.ops import stop_gradient as stop_gradient
    from kgc.frontend.ops import subtract as subtract
    from kgc.frontend.ops import sum as sum
    from kgc.frontend.ops import swapaxes as swapaxes
    from kgc.frontend.ops import swish as swish
    from kgc.frontend.ops import take as take
    from kgc.frontend.ops import take_along_axis as take_along_axis
    from kgc.frontend.ops import tanh as tanh
    from kgc.frontend.ops import tile as tile
    from kgc.frontend.ops import top_k as top_k
    from kgc.frontend.ops import transpose as transpose
    from kgc.frontend.ops import true_divide as true_divide
    from kgc.frontend.ops import unstack as unstack
    from kgc.frontend.ops import var as var
    from kgc.frontend.ops import where as where
    from kgc.frontend.ops import zeros as zeros
    from kgc.frontend.ops import zeros_like as zeros_like
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.ops": (
                "abs absolute add all any arange argmax argmin average_pool batch_normalization binary_crossentropy "
                "broadcast_to cast categorical_crossentropy ceil clip concatenate conv conv_transpose "
                "convert_to_numpy convert_to_tensor cos cumsum divide dot_product_attention einsum elu equal erf exp "
                "expand_dims expm1 eye flip floor floor_divide full full_like gelu greater greater_equal hard_sigmoid "
                "hard_silu is_tensor isfinite isnan layer_normalization leaky_relu less less_equal log log1p "
                "log_sigmoid log_softmax logical_and logical_not logical_or logical_xor logsumexp matmul max max_pool "
                "maximum mean min minimum mod moments multiply negative norm not_equal one_hot ones ones_like pad "
                "power prod reciprocal relu relu6 repeat reshape round rsqrt selu shape sigmoid sign silu sin softmax "
                "softplus softsign sparse_categorical_crossentropy split sqrt square squeeze stack std stop_gradient "
                "subtract sum swapaxes swish take take_along_axis tanh tile top_k transpose true_divide unstack var "
                "where zeros zeros_like"
            ),
        },
    )
