"""Which Keras a TensorFlow has: the one place that knows where Keras 3 begins."""

from __future__ import annotations

from packaging.version import Version

#: The first minor of TensorFlow whose ``tf.keras`` is Keras 3. From here on Keras is a package of any
#: version; before, TensorFlow's metadata pins it to the same minor. Source: release notes
#: of TensorFlow 2.16, "Keras 3.0 will be the default Keras version".
_FIRST_WITH_KERAS_3 = (2, 16)
_KERAS_3 = 3
#: With this variable set, and the package tf-keras installed, ``tf.keras`` is Keras 2 even there.
LEGACY_VARIABLE = "TF_USE_LEGACY_KERAS"


def comes_with_keras_3(minor: tuple[int, ...]) -> bool:
    """Whether the ``tf.keras`` of a minor of TensorFlow, such as ``(2, 16)``, is Keras 3."""
    return minor >= _FIRST_WITH_KERAS_3


def wants_legacy(value: str | None) -> bool:
    """Whether ``LEGACY_VARIABLE`` with this value, None for unset, asks for Keras 2."""
    return (value or "").lower() in {"1", "true"}


def can_pin_keras(tensorflow: str, keras: str) -> bool:
    """Whether the version of the package keras can be chosen freely for a version of TensorFlow."""
    return comes_with_keras_3(Version(tensorflow).release) and Version(keras).major >= _KERAS_3
