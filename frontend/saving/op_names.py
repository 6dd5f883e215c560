"""Under which names the functions of `kgc.ops` stand between the layers of a file.

Keras writes a call of `keras.ops.mean(x, axis=1)` as an object of class `Mean` in module `keras.src.ops.numpy`, whose
config holds the static arguments, while tensors stay arguments of the node. Which argument goes where, and how the
class is called, is listed here; found by calling each function of Keras 3.15.1 on symbolic tensors and saving.

A row reads `function Class key key=value …`: keys are the function's parameters that stand in the config; `key=value`
is one that kgc's function does not have, which is written with that value and taken with no other. Where two functions
have one class, a file's class means the first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_ROWS = {
    "keras.src.ops.core": """
        cast Cast dtype
        stop_gradient StopGradient
        unstack Unstack num axis
    """,
    "keras.src.ops.nn": """
        average_pool AveragePool pool_size strides padding data_format
        batch_normalization BatchNorm axis epsilon
        binary_crossentropy BinaryCrossentropy from_logits
        categorical_crossentropy CategoricalCrossentropy from_logits axis
        conv Conv strides padding data_format dilation_rate
        conv_transpose ConvTranspose strides padding output_padding data_format dilation_rate
        dot_product_attention DotProductAttention is_causal flash_attention attn_logits_soft_cap=null
        elu Elu alpha
        gelu Gelu approximate
        hard_sigmoid HardSigmoid
        hard_silu HardSilu
        layer_normalization LayerNorm axis epsilon rms_scaling
        leaky_relu LeakyRelu negative_slope
        log_sigmoid LogSigmoid
        log_softmax LogSoftmax axis
        max_pool MaxPool pool_size strides padding data_format
        moments Moments axes keepdims synchronized=false
        one_hot OneHot num_classes axis dtype sparse=false
        relu Relu
        relu6 Relu6
        selu Selu
        sigmoid Sigmoid
        silu Silu
        softmax Softmax axis
        softplus Softplus
        softsign Softsign
        sparse_categorical_crossentropy SparseCategoricalCrossentropy from_logits axis
        swish Silu
    """,
    "keras.src.ops.linalg": """
        norm Norm ord=null axis keepdims
    """,
    "keras.src.ops.math": """
        erf Erf
        logsumexp Logsumexp axis keepdims
        rsqrt Rsqrt
        top_k TopK k sorted
    """,
    "keras.src.ops.numpy": """
        absolute Absolute
        abs Absolute
        add Add
        all All axis keepdims
        any Any axis keepdims
        argmax Argmax axis keepdims
        argmin Argmin axis keepdims
        broadcast_to BroadcastTo shape
        ceil Ceil
        clip Clip x_min x_max
        concatenate Concatenate axis
        cos Cos
        cumsum Cumsum axis dtype
        divide Divide
        equal Equal
        exp Exp
        expand_dims ExpandDims axis
        expm1 Expm1
        flip Flip axis
        floor Floor
        floor_divide FloorDivide
        full_like FullLike dtype
        getitem GetItem
        greater Greater
        greater_equal GreaterEqual
        isfinite Isfinite
        isnan Isnan
        less Less
        less_equal LessEqual
        log Log
        log1p Log1p
        logical_and LogicalAnd
        logical_not LogicalNot
        logical_or LogicalOr
        logical_xor LogicalXor
        matmul Matmul
        max Max axis keepdims initial=null
        maximum Maximum
        mean Mean axis keepdims
        min Min axis keepdims initial=null
        minimum Minimum
        mod Mod
        multiply Multiply
        negative Negative
        not_equal NotEqual
        ones_like OnesLike dtype
        pad Pad pad_width mode
        power Power
        prod Prod axis keepdims dtype=null
        reciprocal Reciprocal
        repeat Repeat repeats axis
        reshape Reshape newshape
        round Round decimals
        sign Sign
        sin Sin
        split Split indices_or_sections axis
        sqrt Sqrt
        square Square
        squeeze Squeeze axis
        stack Stack axis
        std Std axis keepdims
        subtract Subtract
        sum Sum axis keepdims
        swapaxes Swapaxes axis1 axis2
        take Take axis
        take_along_axis TakeAlongAxis axis
        tanh Tanh
        tile Tile repeats
        transpose Transpose axes
        true_divide TrueDivide
        var Var axis keepdims
        where Where
        zeros_like ZerosLike dtype
    """,
    # `keras.activations.relu` called between layers; the other activations are the functions of `keras.ops`.
    "keras.src.activations.activations": """
        activations.relu ReLU negative_slope max_value threshold
    """,
}


@dataclass(frozen=True)
class Row:
    """How one function stands in files; `fixed` are config entries that kgc knows one value of."""

    function: str
    module: str
    class_name: str
    keys: tuple[str, ...]
    fixed: dict[str, Any]


def _rows() -> list[Row]:
    rows = []
    for module, text in _ROWS.items():
        for line in text.strip().splitlines():
            function, class_name, *keys = line.split()
            fixed = dict(key.split("=") for key in keys if "=" in key)
            fixed = {key: json.loads(value) for key, value in fixed.items()}
            rows.append(Row(function, module, class_name, tuple(key for key in keys if "=" not in key), fixed))
    return rows


BY_FUNCTION: dict[str, Row] = {row.function: row for row in _rows()}
BY_CLASS: dict[tuple[str, str], Row] = {}
for _row in BY_FUNCTION.values():
    BY_CLASS.setdefault((_row.module, _row.class_name), _row)
