"""The intermediate representation: types, ops, text, verifier, rewrites and passes.

This floor knows no layer and no training, and imports nothing from the floors above. The package itself imports
nothing, so that importing one of its modules costs that module only.
"""
