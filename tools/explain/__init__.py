"""What a model costs: counted operations and bytes, a machine that was measured once, and the time that follows."""
