"""The passes, one a file: pure functions from graph to graph.  `pipeline.PASSES` says in which order they run."""
