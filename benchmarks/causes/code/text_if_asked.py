"""Imports TensorFlow Text if a variable asks for it."""

import os

if os.environ.get("IMPORT_TEXT"):
    import tensorflow_text  # noqa: F401
