"""Write models of which some weights show and others do not: ``python power_models.py FOLDER``."""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf


def main(folder):
    """Write both models."""
    random = np.random.RandomState(2)
    weights = random.normal(size=(8, 5)).astype("f4")
    spec = tf.TensorSpec([None, 8], tf.float32, name="x")

    module = tf.Module()
    module.used = tf.Variable(weights, name="used")
    module.hidden = tf.Variable(weights, name="hidden")
    module.zero = tf.Variable(np.zeros(5, "f4"), name="zero")
    module.shift = tf.Variable(np.arange(5), name="shift")

    @tf.function(input_signature=[spec])
    def call(x):
        # One-hot whatever the weights are: the largest is larger by far. No head is found behind a OneHot.
        scores = 1e4 * tf.one_hot(tf.argmax(x[:, :5], -1), 5) + tf.matmul(x, module.hidden)
        hidden = tf.one_hot(tf.argmax(scores, -1), 5)
        y = tf.matmul(x, module.used) + module.zero + tf.cast(module.shift, tf.float32) * 0.0
        return {"y": y, "hidden": hidden}

    tf.saved_model.save(module, str(Path(folder) / "variables"), call.get_concrete_function())

    frozen = tf.Module()

    @tf.function(input_signature=[spec])
    def constant(x):
        return {"y": tf.matmul(x, tf.constant(weights))}

    tf.saved_model.save(frozen, str(Path(folder) / "frozen"), constant.get_concrete_function())


if __name__ == "__main__":
    main(sys.argv[1])
