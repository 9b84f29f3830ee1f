"""The custom layer of the article's third example, in a module that inference code may lack."""

from __future__ import annotations

import tensorflow as tf


class MyCustomLayer(tf.keras.layers.Layer):
    """Doubles its inputs."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Return ``2 * inputs``: same shape, same dtype."""
        return inputs * 2
