"""What stands beside the library: the `kgc` command line, the benchmarks, and the upkeep of the public API files."""
