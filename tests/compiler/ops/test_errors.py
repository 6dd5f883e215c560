"""What the ops say of wrong operands and attributes: the kind of error, what is wrong, and what to do.

Each row is tried twice: recorded on symbolic tensors, and on arrays of the same shapes.
"""

from __future__ import annotations

from typing import Any

import pytest

from kgc.compiler import builder
from kgc.compiler.errors import ArgumentError, DTypeError, KgcError, ShapeError
from kgc.compiler.op import REGISTRY

from .calls import Call, arrays, concrete

STEP = "graph @step(%c: f32[2], %x: f32[3]) -> (f32[2]) {\n  return %c\n}"
WIDER = "graph @step(%c: f32[2], %x: f32[3]) -> (f32[3]) {\n  return %x\n}"
TRAINED = "graph @step(%x: f32[2]) -> (f32[2]) {\n  param %w: f32[2]\n  %0: f32[2] = add(%x, %w)\n  return %0\n}"
SAME = "graph @same(%x: f32[2]) -> (f32[2]) {\n  return %x\n}"
TEST = "graph @test(%x: f32[2]) -> (f32[2]) {\n  return %x\n}"

ROWS: list[tuple[str, tuple[Any, ...], type[KgcError], str]] = [
    ("matmul", ("f32[b, 3]", "f32[4, 2]"), ShapeError, "last axis of x1 has 3 elements"),
    ("matmul", ("f32[b, 3]", 2.0), ShapeError, "x2 is a scalar"),
    ("einsum", ("ij,jk->ik", ["f32[b, 3]"]), ArgumentError, "speaks of 2 operands, 1 were given"),
    ("einsum", ("ij,jk->ik", ["f32[b, 3]", "f32[4, 2]"]), ShapeError, "axis 'j' would be 3 and 4"),
    ("einsum", ("ij->i", ["f32[b]"]), ShapeError, "'ij' names 2 axes, the operand has 1"),
    ("conv", ("f32[b, 8, 8, 3]", "f32[3, 3, 4, 2]"), ShapeError, "inputs with 3 channels do not fit"),
    ("conv", ("f32[b, 8, 8, 4]", "f32[3, 3, 2, 3]"), ShapeError, "inputs with 4 channels do not fit"),
    ("conv", ("f32[b, 8, 3]", "f32[3, 3, 3, 2]"), ShapeError, "the kernel as many axes"),
    ("conv", ("f32[b, 2, 8, 3]", "f32[3, 3, 3, 2]"), ShapeError, "does not fit on an axis of size 2"),
    ("conv", ("f32[b, 8, t]", "f32[3, 3, 2]"), ShapeError, "number of input channels must be known"),
    ("conv", ("f32[b, 8, 3]", "f32[3, 3, 2]", {"padding": "full"}), ArgumentError, "one of 'valid', 'same'"),
    ("conv", ("f32[b, 8, 3]", "f32[3, 3, 2]", {"strides": (1, 2)}), ArgumentError, "strides must be a positive int"),
    ("conv", ("f32[b, 8, 3]", "f32[3, 3, 2]", {"strides": 0}), ArgumentError, "strides must be a positive int"),
    ("conv", ("f32[b, 8, 3]", "f32[3, 3, 2]", {"data_format": "NHWC"}), ArgumentError, "'channels_last'"),
    ("conv", ("f32[b, 8, 3]", "i32[3, 3, 2]"), DTypeError, "kernel must be floating point"),
    ("max_pool", ("f32[b, 8]", 2), ShapeError, "1 to 3 spatial axes"),
    ("max_pool", ("f32[b, 1, 8, 3]", 2), ShapeError, "a window of 2 does not fit on an axis of size 1"),
    ("max_pool", ("f32[b, 8, 3]", (2, 2)), ArgumentError, "pool_size must be a positive int"),
    ("average_pool", ("f32[b, 8, 3]", 2, {"padding": "causal"}), ArgumentError, "one of 'valid', 'same'"),
    ("average_pool", ("i32[b, 8, 3]", 2), DTypeError, "inputs must be floating point"),
    ("softmax", ("f32[b, 3]", 2), ArgumentError, "axis 2 is out of range for 2 axes"),
    ("log_softmax", ("f32[b, 3]", -3), ArgumentError, "axis -3 is out of range"),
    ("sum", ("f32[b, 3]", 5), ArgumentError, "sum: axis 5 is out of range"),
    ("mean", ("f32[b, 3]", (1, -1)), ArgumentError, "an axis stands twice"),
    ("max", ("f32[b, 3]", 1.0), ArgumentError, "axis must be an int"),
    ("argmax", ("f32[b, 3]", (0, 1)), ArgumentError, "axis must be one int, or None"),
    ("cumsum", ("f32[b, 3]", 2), ArgumentError, "out of range"),
    ("reshape", ("f32[2, 3]", (4, 2)), ShapeError, "6 elements do not make the shape (4, 2)"),
    ("reshape", ("f32[b, 7]", ("$b", 5)), ShapeError, "do not make the shape"),
    ("reshape", ("f32[b, 7]", ("$b", 5, -1)), ShapeError, "do not make the shape"),
    ("reshape", ("f32[2, 3]", (-1, -1)), ArgumentError, "at most one size may be -1"),
    ("reshape", ("f32[2, 3]", (2.0, 3)), ArgumentError, "must be a tuple of ints and sizes"),
    ("transpose", ("f32[b, 3, 4]", (0, 1)), ArgumentError, "must name all 3 axes once"),
    ("transpose", ("f32[b, 3]", (0, 0)), ArgumentError, "stands twice"),
    ("concatenate", (["f32[b, 3]", "f32[b, 4, 1]"],), ShapeError, "same number of axes"),
    ("concatenate", (["f32[2, 3]", "f32[2, 4]"], 0), ShapeError, "sizes on axis 1 differ"),
    ("concatenate", (["f32[b, 3]"], 2), ArgumentError, "axis 2 is out of range"),
    ("concatenate", ([],), ArgumentError, "the list is empty"),
    ("stack", (["f32[b, 3]", "f32[b, 4]"],), ShapeError, "must have the same shape"),
    ("squeeze", ("f32[b, 3]", 1), ShapeError, "axis 1 has size 3, not 1"),
    ("expand_dims", ("f32[b, 3]", 3), ArgumentError, "out of range for 3 axes"),
    ("broadcast_to", ("f32[b, 3]", (2, 4)), ShapeError, "cannot be broadcast to (2, 4)"),
    ("pad", ("f32[b, 3]", ((0, 0),) * 3), ArgumentError, "for each of the 2 axes"),
    ("pad", ("f32[b, 3]", ((0, 0), (-1, 0))), ArgumentError, "none negative"),
    ("pad", ("f32[b, 3]", 1, "mirror"), ArgumentError, "mode must be one of"),
    ("pad", ("f32[b, 3]", 1, "reflect", 2.0), ArgumentError, 'with mode="constant" only'),
    ("repeat", ("f32[b, 3]", (1, 2), {"axis": 1}), ShapeError, "2 repeats for 3 elements"),
    ("repeat", ("f32[b, 3]", -1), ArgumentError, "must not be negative"),
    ("split", ("f32[b, 5]", 2, {"axis": 1}), ShapeError, "5 elements on axis 1 do not make 2 equal parts"),
    ("split", ("f32[b, 5]", 0, {"axis": 1}), ArgumentError, "must be a positive int"),
    ("getitem", ("f32[b, 3]", (slice(None), 3)), ShapeError, "index 3 is out of range for axis 1 of size 3"),
    ("getitem", ("f32[b, 3]", (0, 0, 0)), ShapeError, "3 indices for 2 axes"),
    ("getitem", ("f32[b, 3]", 1.5), ArgumentError, "1.5 cannot be an index"),
    ("take", ("f32[b, 3]", "f32[2]", {"axis": 1}), DTypeError, "indices must be integers"),
    ("take", ("f32[b, 3]", "i32[2]", {"axis": 2}), ArgumentError, "out of range"),
    ("take_along_axis", ("f32[2, 3]", "i32[3]", {"axis": 1}), ShapeError, "the same sizes, except on the axis"),
    ("one_hot", ("f32[b]", 3), DTypeError, "indices must be integers"),
    ("one_hot", ("i32[b]", 0), ArgumentError, "num_classes must be a positive int"),
    ("full", ((2, -1), 0.0), ArgumentError, "sizes that are not negative"),
    ("full", ((2,), "zero"), ArgumentError, "fill_value must be a number"),
    ("arange", (0, 5, 0), ArgumentError, "step must not be 0"),
    ("batch_normalization", ("f32[b, 3]", "f32[4]", "f32[3]", -1), ShapeError, "mean needs 3 numbers"),
    ("batch_normalization", ("i32[b, 3]", "f32[3]", "f32[3]", -1), DTypeError, "x must be floating point"),
    ("moments", ("f32[b, 3]", (0, 2)), ArgumentError, "axes 2 is out of range"),
    ("cast", ("f32[b]", "float31"), DTypeError, "no dtype that kgc has"),
    ("fold_in", ("f32[]", 1), DTypeError, "key must be one random key"),
    ("fold_in", ("key[]", 1.5), DTypeError, "data must be one integer"),
    ("random_normal", ("i32[2]", (2,)), DTypeError, "key must be one random key"),
    ("bernoulli", ("key[]", (2,), 1.5), ArgumentError, "p must be a number from 0 to 1"),
    ("dropout", ("f32[b, 3]", "key[]", -0.1), ArgumentError, "rate must be a number from 0 to 1"),
    ("dropout", ("f32[b, 3]", "key[]", 0.5, (1, 2)), ShapeError, "one entry for each axis"),
    ("categorical_crossentropy", ("i32[b]", "f32[b, 3]"), ShapeError, "one number for each class"),
    ("categorical_crossentropy", ("f32[b, 4]", "f32[b, 3]"), ShapeError, "must have the same shape"),
    ("sparse_categorical_crossentropy", ("i32[b, 3]", "f32[b, 3]"), ShapeError, "without the axis of classes"),
    ("binary_crossentropy", ("f32[b]", "f32[b, 1]"), ShapeError, "must have the same shape"),
    ("scan", ("step", ["f32[2]"], ["f32[4, 3]"]), ArgumentError, "body must be a graph"),
    ("scan", (STEP, ["f32[2]"], []), ArgumentError, "without xs it needs a length"),
    ("scan", (STEP, ["f32[2]"], ["f32[4, 3]", "f32[5, 3]"]), ShapeError, "differ: 4, 5"),
    ("scan", (STEP, ["f32[2]"], ["f32[4, 2]"]), ShapeError, "input 1 of body, x, is f32[3], and gets f32[2]"),
    ("scan", (STEP, ["f32[2]", "f32[2]"], ["f32[4, 3]"]), ArgumentError, "takes 2 inputs, and gets 3"),
    ("scan", (WIDER, ["f32[2]"], ["f32[4, 3]"]), ShapeError, "carried as f32[2], and body makes it f32[3]"),
    ("scan", (TRAINED, ["f32[2]"], [], {"length": 2}), ArgumentError, "parameters or state of its own"),
    ("cond", ("f32[]", ["f32[2]"], SAME, SAME), DTypeError, "pred must be one bool"),
    ("cond", ("bool[]", ["f32[2]", "f32[3]"], WIDER, STEP), ShapeError, "branches return different types"),
    ("while_loop", (TEST, SAME, ["f32[2]"]), DTypeError, "cond must return one bool"),
]  # fmt: skip


@pytest.mark.parametrize("name, sample, kind, text", ROWS, ids=[f"{row[0]}: {row[3]}" for row in ROWS])
def test_refusals(name: str, sample: tuple[Any, ...], kind: type[KgcError], text: str) -> None:
    made = Call(REGISTRY[name], sample)
    with pytest.raises(kind) as recorded:
        made.graph()
    assert text in recorded.value.what
    assert name.partition("_")[0] in recorded.value.what or "pool" in recorded.value.what or name == "cast"
    assert recorded.value.received
    assert recorded.value.where is not None
    known = made.at({str(size): number for size, number in ((dim, 2) for dim in made.names.values())})
    with pytest.raises(kind):
        made.op(*known.filled(arrays(concrete(known.types()))))


def test_the_line_is_the_users() -> None:
    source = "def call(x, relu, matmul):\n    y = relu(x)\n    return matmul(y, y)\n"
    scope: dict[str, Any] = {"__name__": "model"}
    exec(compile(source, "model.py", "exec"), scope)
    with builder.Builder("g") as made, pytest.raises(ShapeError) as raised:
        x = made.input("x", next(Call(REGISTRY["relu"], ("f32[b, 3]",)).types()))
        scope["call"](x, REGISTRY["relu"], REGISTRY["matmul"])
    where = raised.value.where
    assert where is not None
    assert (where.file, where.line) == ("model.py", 3)
