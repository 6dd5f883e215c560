"""Add and Concatenate, as layers, as operators and through ops between layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..case import case
from ..draws import Draws
from ..probing import add_layer, as_list

add_layer("merging/add", lambda keras: keras.layers.Add(), (3, 5), (3, 5))
add_layer("merging/add_three", lambda keras: keras.layers.Add(), (3, 4, 5), (3, 4, 5), (3, 4, 5))
add_layer("merging/add_broadcast", lambda keras: keras.layers.Add(), (3, 4, 5), (3, 1, 5))
add_layer("merging/add_broadcast_both", lambda keras: keras.layers.Add(), (3, 4, 1), (3, 1, 5))
add_layer("merging/concatenate", lambda keras: keras.layers.Concatenate(), (3, 5), (3, 2))
add_layer("merging/concatenate_axis_1", lambda keras: keras.layers.Concatenate(axis=1), (3, 4, 5), (3, 2, 5))
add_layer("merging/concatenate_axis_minus_2", lambda keras: keras.layers.Concatenate(axis=-2), (3, 4, 5), (3, 2, 5))
add_layer("merging/concatenate_three", lambda keras: keras.layers.Concatenate(), (2, 3, 1), (2, 3, 2), (2, 3, 3))
add_layer("merging/concatenate_one_kind", lambda keras: keras.layers.Concatenate(axis=3), (2, 3, 2, 2), (2, 3, 2, 3))


def add_expression(name: str, expression: Callable[[Any, Any, Any], Any], *shapes: tuple[int, ...]) -> None:
    """Outputs of `expression(keras, x, y)` over symbolic tensors, through a model of unknown batch size."""

    @case(f"merging/{name}")
    def run(keras: Any, draws: Draws) -> dict[str, Any]:
        xs = [draws.uniform(*shape, low=0.2, high=2.0) for shape in shapes]
        inputs = [keras.Input(shape=x.shape[1:]) for x in xs]
        model = keras.Model(inputs, expression(keras, *inputs))
        return {f"output.{i}": y for i, y in enumerate(as_list(model(xs)))}


PAIR = ((3, 5), (3, 5))
add_expression("plus", lambda keras, x, y: x + y, *PAIR)
add_expression("minus", lambda keras, x, y: x - y, *PAIR)
add_expression("times", lambda keras, x, y: x * y, *PAIR)
add_expression("divide", lambda keras, x, y: x / y, *PAIR)
add_expression("power", lambda keras, x, y: x**y, *PAIR)
add_expression("negative", lambda keras, x, y: -x + y, *PAIR)
add_expression("numbers", lambda keras, x, y: 2.0 * x + y / 4 - 1, *PAIR)
add_expression("reversed_numbers", lambda keras, x, y: (1.0 - x) * (2 / y), *PAIR)
add_expression("broadcast", lambda keras, x, y: x + y, (3, 4, 5), (3, 1, 5))
add_expression("slice", lambda keras, x, y: x[:, 1:3] + y[:, ::2][:, :2], *PAIR)
add_expression("ops_add", lambda keras, x, y: keras.ops.add(x, y), *PAIR)
add_expression("ops_multiply", lambda keras, x, y: keras.ops.multiply(x, y), *PAIR)
add_expression("ops_matmul", lambda keras, x, y: keras.ops.matmul(x, y), (3, 4, 5), (3, 5, 2))
add_expression("ops_mean", lambda keras, x, y: keras.ops.mean(x, axis=1) + keras.ops.mean(y, axis=-1), *PAIR)
add_expression("ops_sum_keepdims", lambda keras, x, y: x / keras.ops.sum(x, axis=-1, keepdims=True) + y, *PAIR)
add_expression("ops_concatenate", lambda keras, x, y: keras.ops.concatenate([x, y], axis=-1), *PAIR)
add_expression("ops_reshape", lambda keras, x, y: keras.ops.reshape(x + y, (-1, 5, 1)), *PAIR)
add_expression("ops_elementwise", lambda keras, x, y: keras.ops.exp(x) + keras.ops.sqrt(keras.ops.log(y + 1)), *PAIR)
add_expression("functional_add", lambda keras, x, y: keras.layers.add([x, y]), *PAIR)
add_expression("functional_concatenate", lambda keras, x, y: keras.layers.concatenate([x, y]), *PAIR)
add_expression("several_outputs", lambda keras, x, y: [x + y, x * y], *PAIR)
