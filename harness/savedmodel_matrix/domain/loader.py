"""The ways to load a SavedModel."""

from __future__ import annotations

from enum import StrEnum


class Loader(StrEnum):
    """A way to load a SavedModel, by its name in a matrix and in the probe."""

    SAVED_MODEL = "saved_model"
    """``tf.saved_model.load``."""
    V1_SESSION = "v1-session"
    """Into a ``tf.compat.v1.Session``."""
    KERAS = "keras"
    """``load_model`` of ``tf.keras``."""
    TF_KERAS = "tf-keras"
    """``load_model`` of the package tf-keras, which is Keras 2."""
    TFSM_LAYER = "tfsm-layer"
    """``TFSMLayer``, a layer of Keras 3."""
