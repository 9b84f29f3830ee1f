"""Write SavedModels that round in many ways: ``python rounding_models.py FOLDER``, in any release."""

import sys

import numpy as np
import tensorflow as tf

INPUT = tf.TensorSpec([None, 64], tf.float32, name="x")


class Numbers(tf.Module):
    """One output for each way to round, or not to."""

    def __init__(self):
        super().__init__()
        random = np.random.RandomState(0)
        self.kernel = tf.Variable(random.normal(0, 0.1, (64, 32)).astype("f4"))
        self.ones = tf.constant(np.tile([[1.0], [-1.0]], (512, 1)).astype("f4"))

    @tf.function(input_signature=[INPUT])
    def __call__(self, x):
        """Return a dict of outputs."""
        images = tf.reshape(x, [-1, 4, 4, 4])
        _, mean, _ = tf.compat.v1.nn.fused_batch_norm(images, tf.ones([4]), tf.zeros([4]), is_training=True)
        low = {
            name: tf.cast(tf.nn.relu(tf.matmul(tf.cast(x, name), tf.cast(self.kernel, name))), tf.float32)
            for name in ("float16", "bfloat16")
        }
        near = tf.tile(tf.reshape(1.0 + 1e-6 * tf.tanh(x), [-1, 64, 1]), [1, 1, 16])
        half = tf.cast(tf.shape(x)[0], tf.float32) * 0.5
        return {
            "float32": tf.nn.relu(tf.matmul(x, self.kernel)),
            "cancelled": tf.matmul(tf.reshape(near, [-1, 1024]), self.ones),
            "shapes": tf.reshape(half + tf.zeros([3]), [3]),
            "passed": tf.reverse(tf.maximum(x, -1e9), [1]),
            "mean": mean,
            **low,
        }


class Branches(tf.Module):
    """A loop with a branch in it."""

    @tf.function(input_signature=[INPUT])
    def __call__(self, x):
        """Return a dict of outputs."""
        for step in tf.range(5):
            x = tf.exp(-0.1 * x) if step % 2 == 0 else tf.sqrt(1.0 + x * x)
        return {"looped": x}


class Seeded(tf.Module):
    """Numbers from a seed, and a state, that begin the same in every process."""

    def __init__(self):
        super().__init__()
        self.calls = tf.Variable(0)

    @tf.function(input_signature=[INPUT])
    def __call__(self, x):
        """Return a dict of outputs."""
        self.calls.assign_add(1)
        drawn = x + tf.random.uniform([64], seed=7)
        return {
            "seeded": tf.tanh(drawn),
            "counted": x * (1.0 + tf.cast(self.calls, tf.float32)),
            "plain": x * 2.0,
        }


if __name__ == "__main__":
    tf.saved_model.save(Numbers(), sys.argv[1] + "/numbers")
    tf.saved_model.save(Seeded(), sys.argv[1] + "/seeded")
    tf.saved_model.save(Branches(), sys.argv[1] + "/branches")
