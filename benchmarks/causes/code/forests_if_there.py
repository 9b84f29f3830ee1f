"""Imports TensorFlow Decision Forests where it is installed."""

import contextlib

with contextlib.suppress(ImportError):
    import tensorflow_decision_forests  # noqa: F401
