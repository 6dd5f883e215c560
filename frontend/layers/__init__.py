"""The layers, one family a file; each registers its classes by the names that Keras gives them in files."""
