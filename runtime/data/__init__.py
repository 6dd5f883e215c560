"""What fit, evaluate and predict read: sources that give batches of NumPy arrays, one pass of the data an epoch.

The package itself imports nothing, so that importing one of its modules costs that module only.
"""
