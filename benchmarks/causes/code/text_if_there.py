"""Imports TensorFlow Text where it is installed, as code does that can do without."""

import contextlib

with contextlib.suppress(ImportError):
    import tensorflow_text  # noqa: F401
