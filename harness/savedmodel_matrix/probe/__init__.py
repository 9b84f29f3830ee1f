"""The program that runs inside a TensorFlow environment; ``__main__`` documents its contract.

Imports nothing from the rest of the harness, and nothing that TensorFlow itself does not install.
"""

#: Part of every recording's key: increase it whenever the same request would be recorded differently.
VERSION = 9
