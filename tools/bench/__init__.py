"""Benchmarks: kgc beside Keras on JAX and beside JAX written by hand.  `python -m kgc.tools.bench --help`

One file a measurement; `workloads` holds the models, written once for both packages, and `handwritten` the same models
as a person would write them in JAX and optax. Everything is timed in alternation and reported as medians.
"""
