"""Graphs on which the wrong passes of `faults` show: each small, and of one kind."""

from __future__ import annotations

DENSE = """graph @dense(%x: f32[b, 4], %y: f32[b, 4]) -> (f32[b, 4], f32[b, 4]) {
  param %w: f32[4, 4]
  param %v: f32[4]
  const %c: f32[4] = [0.5, 1.0, 1.5, 2.0]
  %0: f32[b, 4] = matmul(%x, %w)
  %1: f32[b, 4] = add(%0, %v)
  %2: f32[b, 4] = relu(%1)
  %3: f32[b, 4] = subtract(%2, %y)
  %4: f32[b, 4] = multiply(%3, %c)
  %5: f32[b, 4] = relu6(%x)
  %6: f32[b, 4] = gelu(%5)
  return %4, %6
}"""
SQUARE = """graph @square(%x: f32[b, 4, 4], %m: bool[b, 4, 4]) -> (f32[b, 4, 4], f32[b, 4], f32[b, 4, 4], i32[b, 4]) {
  param %g: f32[4]
  param %o: f32[4]
  %0: f32[b, 4, 4] = softmax(%x)
  %1: f32[b, 4, 4] = transpose(%0, axes=(0, 2, 1))
  %2: f32[b, 4] = mean(%1, axis=1)
  %3: f32[b, 4, 4] = layer_normalization(%x, %g, %o, epsilon=0.001)
  %4: f32[b, 4, 4] = where(%m, %3, -2.0)
  %5: i32[b, 4] = argmax(%4, axis=2)
  return %1, %2, %4, %5
}"""
PARTS = """graph @parts(%x: f32[b, 6], %i: i32[b]) -> (f32[b, 5], f32[b, 6], f32[b, 3]) {
  param %table: f32[7, 3]
  %0: f32[b, 5] = getitem(%x, key=(..., slice(0, 5, None)))
  %1: f32[b, 3], %2: f32[b, 3] = split(%x, indices_or_sections=2, axis=1)
  %3: f32[b, 6] = concatenate([%1, %2], axis=1)
  %4: f32[b, 3] = take(%table, %i, axis=0)
  return %0, %3, %4
}"""
TWO = """graph @two(%x: f32[b, t], %y: f32[t]) -> (f32[b, t], f32[b]) {
  %0: f32[b, t] = add(%x, %y)
  %1: f32[b] = sum(%0, axis=1)
  return %0, %1
}"""
TRAIN = """graph @train(%x: f32[b, 4], %y: i32[b], %key: key[]) -> (prediction: f32[b, 4], loss: f32[]) {
  param %w: f32[4, 4]
  param %v: f32[4]
  state %mean: f32[4]
  state %count: f32[4]
  %0: f32[b, 4] = matmul(%x, %w)
  %1: key[] = fold_in(%key, 1)
  %2: f32[b, 4] = dropout(%0, %1, rate=0.5)
  %3: f32[b, 4] = add(%2, %v)
  %4: key[] = fold_in(%key, 2)
  %5: f32[b, 4] = dropout(%3, %4, rate=0.25)
  %6: f32[b, 4] = add(%5, %mean)
  %7: f32[b, 4] = softmax(%6)
  %8: f32[b] = sparse_categorical_crossentropy(%y, %6, from_logits=True)
  %9: f32[] = mean(%8)
  %10: f32[4] = mean(%3, axis=0)
  %11: f32[4] = add(%count, 1.0)
  return %7, %9
  assign %mean = %10
  assign %count = %11
}"""
PROBABILITIES = """graph @probabilities(%x: f32[b, 4], %y: i32[b]) -> (f32[b]) {
  %0: f32[b, 4] = softmax(%x)
  %1: f32[b] = sparse_categorical_crossentropy(%y, %0)
  return %1
}"""
NORMED = """graph @normed(%x: f32[b, 5, 5, 2]) -> (f32[b, 3]) {
  param %conv.kernel: f32[3, 3, 2, 3]
  param %conv.bias: f32[3]
  state %bn.mean: f32[3]
  state %bn.variance: f32[3]
  %0: f32[b, 3, 3, 3] = conv(%x, %conv.kernel)
  %1: f32[b, 3, 3, 3] = add(%0, %conv.bias)
  %2: f32[b, 3, 3, 3] = batch_normalization(%1, %bn.mean, %bn.variance, axis=-1)
  %3: f32[b, 1, 1, 3] = max_pool(%2, pool_size=(3, 3))
  %4: f32[b, 3] = reshape(%3, newshape=(b, 3))
  return %4
}"""
ATTENTION = """graph @attention(%q: f32[b, t, 1, 2], %m: bool[b, 1, t, t]) -> (f32[b, t, 1, 2]) {
  %0: f32[b, t, 1, 2] = dot_product_attention(%q, %q, %q, mask=%m)
  return %0
}"""
CONTROL = """graph @body(%c: f32[b], %x: f32[b]) -> (f32[b], f32[b]) {
  %0: f32[b] = add(%c, %x)
  %1: f32[b] = tanh(%0)
  return %1, %0
}

graph @mild(%x: f32[b]) -> (f32[b]) {
  %0: f32[b] = relu(%x)
  return %0
}

graph @sharp(%x: f32[b]) -> (f32[b]) {
  %0: f32[b] = sin(%x)
  return %0
}

graph @control(%c: f32[b], %xs: f32[t, b], %p: f32[]) -> (f32[b], f32[t, b], f32[b]) {
  %0: f32[b], %1: f32[t, b] = scan(body=@body, init=[%c], xs=[%xs], invariants=[])
  %2: bool[] = less(%p, 0.0)
  %3: f32[b] = cond(%2, [%0], true=@mild, false=@sharp)
  return %0, %1, %3
}"""
COUNT = 5
BLOCKS = "\n".join(
    [
        "graph @blocks(%x: f32[b, 4]) -> (f32[b, 4]) {",
        *(f"  param %{i}.w: f32[4, 4]\n  param %{i}.v: f32[4]" for i in range(COUNT)),
        *(f"  state %{i}.s: f32[4]" for i in range(COUNT)),
        *(
            f"  %m{i}: f32[b, 4] = matmul(%{f'o{i - 1}' if i else 'x'}, %{i}.w)\n"
            f"  %a{i}: f32[b, 4] = add(%m{i}, %{i}.v)\n  %o{i}: f32[b, 4] = tanh(%a{i})\n"
            f"  %e{i}: f32[4] = mean(%o{i}, axis=0)\n  %n{i}: f32[4] = add(%{i}.s, %e{i})"
            for i in range(COUNT)
        ),
        f"  return %o{COUNT - 1}",
        *(f"  assign %{i}.s = %n{i}" for i in range(COUNT)),
        "}",
    ]
)
