"""What users write: `Input`, layers, models, losses, metrics, optimizers, callbacks and files.

The public names are gathered in `frontend/api/`, one thin package a namespace; this package imports nothing, so that
importing one of its modules costs that module only.
"""
