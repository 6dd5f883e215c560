"""Artifacts: a model in one file, which runs, and trains if it was exported so, without the code that made it.

`model.export("m.kgc")` writes one, `kgc.load("m.kgc")` makes a callable of it, and with `training=True` one that can be
trained further.  What is loaded and run is IR text over
the closed table of ops, parsed and verified: a file cannot execute anything, and does not expire with JAX's window for
exported programs.

The bytes, all numbers little-endian:

    0    magic, 8 bytes: 89 4B 47 43 0D 0A 1A 0A  ("\\x89KGC\\r\\n\\x1a\\n")
    8    version of the container, u32: 1
    12   zero, u32
    16   length of the header, u64
    24   SHA-256 of the header, 32 bytes
    56   zero, 8 bytes
    64   the header, msgpack
    …    the parts, each at the next multiple of 64; between them zeros, after the last one nothing

Parts are raw bytes: IR text, arrays in row-major order as they lie in memory (so that they can be mapped), StableHLO.
The header is a map with these keys and no others:

    name         the model's name
    signature    inputs and outputs, nested as the model's: leaves {name, dtype, shape}, {list: […]}, {tuple: […]},
                 {dict: [[key, …], …]}; and whether it draws random numbers
    ir           {part, ops: {name: version of its meaning}}, all ops that occur
    params       [{name, dtype, shape, part}] in the order of the IR
    state        likewise
    consts       {sha256:…: {dtype, shape, part}}, constants too large for the text
    example      {inputs, outputs: [{dtype, shape, part}], seed, platform}, or a text that says why there is none
    stablehlo    {platform: part, or a text that says why there is none}; JAX's serialized export of a function of the
                 inputs, the arrays (params, state, consts) and uint32[3] where it is random, to outputs and new state
    extern       {name: part}, functions with gradient rules of their own, as StableHLO
    producer     {program: version}
    training     nothing, or a map: how it is trained
    parts        [[offset, size, SHA-256]], offsets counted from the first part

The map `training` has these keys:

    step         {part, ops}, the finished step as IR: from inputs and targets to logs and new state, gradients taken,
                 the optimizer's update made, in `lax` ops
    weights      {part, ops}, IR that makes params of the model's own IR from those of the step; or nothing
    params       arrays that the step leaves as they are; `state` those that it changes: weights, optimizer, metrics
    targets      [{name, dtype, shape}], inputs of the step; `outputs` names the model's outputs that they belong to
    logs         names of the step's outputs
    rate         the state that is the learning rate (empty: it follows a schedule, in the step); `iterations` what
                 counts steps; `averages` pairs of state and its average
    metrics      state of metrics, as it is when an epoch begins
    random       whether it draws random numbers; `seed` and `runs` (calls so far) are their address
    example      inputs and targets, and the logs of two steps on them

A file with `extern` is loaded with `trust=True` only, and StableHLO of any kind reaches JAX only then, after its hash
was compared.  The hashes tell damage from health, not friend from foe: who can write the file can write the hashes.

Floors: `container` (bytes and parts), `fields`, `header` and `training_header` (what the map says, checked), `writer`
and `training_writer`, `program` (`load`), `inference` (the callable), `training` and `trainable` (the step, and the
callable that trains), `continued` (writes it again), `compiled` (the private cache of compiled programs), `examples`,
`stablehlo`, `portable` (StableHLO by itself, for other runtimes).
"""
