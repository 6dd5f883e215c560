"""Data sets, one a file, read from where Keras caches them."""
