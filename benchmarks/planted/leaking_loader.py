"""A leaking loader, as a module of a case: it keeps a mebibyte per load, in a cache that nobody uses.

For Python 3.7 and newer.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

tf = importlib.import_module("tensorflow")
_load = tf.saved_model.load
_kept: list[Any] = []


def leaking(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - TensorFlow has no types
    """Load a model, and keep a mebibyte of written memory."""
    _kept.append(np.ones(1 << 20, np.uint8))
    return _load(*arguments, **options)


tf.saved_model.load = leaking
