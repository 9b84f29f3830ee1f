"""The program that runs inside a TensorFlow environment; ``__main__`` is its contract.

Imports nothing from the rest of the harness, and nothing that TensorFlow does not install itself.
"""

#: Part of every recording's key: raise it whenever the same request would be recorded differently.
VERSION = 3
