"""What runs: the store that owns every array, emission to JAX, the train step, data and loops.

It runs graphs of `compiler` and knows no layer. The package itself imports nothing, so that importing one of its
modules costs that module only.
"""
