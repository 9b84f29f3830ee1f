"""Write SavedModels that try the checks: ``python check_models.py FOLDER``, in any TensorFlow from 2.4 on."""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

X = [tf.TensorSpec([None, 4], tf.float32, name="x")]
WEIGHTS = np.random.RandomState(0).randn(4, 3).astype("float32")


class Dense(tf.Module):
    """Nothing but arithmetic."""

    def __init__(self):
        super().__init__()
        self.weights = tf.Variable(WEIGHTS, name="weights")

    @tf.function(input_signature=X)
    def __call__(self, x):
        return {"y": tf.nn.softmax(x @ self.weights)}


class Convolution(tf.Module):
    """As above, by other kernels."""

    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(np.random.RandomState(1).randn(2, 1, 8).astype("float32"), name="kernel")

    @tf.function(input_signature=X)
    def __call__(self, x):
        return {"y": tf.nn.relu(tf.nn.conv1d(x[..., None], self.kernel, 1, "SAME"))}


class Texts(tf.Module):
    """Strings and integers, and a table."""

    def __init__(self):
        super().__init__()
        entries = tf.lookup.KeyValueTensorInitializer(["-1", "0", "1"], tf.constant([7, 8, 9], tf.int64))
        self.table = tf.lookup.StaticHashTable(entries, -1)

    @tf.function(input_signature=X)
    def __call__(self, x):
        words = tf.strings.as_string(tf.cast(tf.sign(x), tf.int32))
        return {"words": words, "ids": self.table.lookup(words)}


class Counter(tf.Module):
    """Counts its calls."""

    def __init__(self):
        super().__init__()
        self.count = tf.Variable(0.0, name="count")

    @tf.function(input_signature=X)
    def __call__(self, x):
        return {"y": x + self.count.assign_add(0.25), "still": x + 1.0}


class Remembers(tf.Module):
    """Fills a cache in its first call, which is answered otherwise than all that follow."""

    def __init__(self):
        super().__init__()
        self.filled = tf.Variable(False, name="filled")

    @tf.function(input_signature=X)
    def __call__(self, x):
        y = tf.cond(self.filled, lambda: x * 2.0, lambda: x * 2.5)
        with tf.control_dependencies([y]):
            self.filled.assign(True)
        return {"y": y}


class Drops(tf.Module):
    """Dropout that was left on."""

    @tf.function(input_signature=X)
    def __call__(self, x):
        return {"y": tf.nn.dropout(x, 0.5)}


class Normalises(tf.Module):
    """Batch normalisation in training mode: with the statistics of the batch, and moving those it keeps."""

    def __init__(self):
        super().__init__()
        self.moving_mean = tf.Variable(tf.zeros([4]), name="moving_mean")
        self.moving_variance = tf.Variable(tf.ones([4]), name="moving_variance")

    @tf.function(input_signature=X)
    def __call__(self, x):
        mean, variance = tf.nn.moments(x, [0])
        self.moving_mean.assign(self.moving_mean * 0.9 + mean * 0.1)
        self.moving_variance.assign(self.moving_variance * 0.9 + variance * 0.1)
        return {"y": tf.nn.batch_normalization(x, mean, variance, None, None, 1e-3)}


class Softmax(tf.Module):
    """A softmax over the wrong axis: that of the batch."""

    @tf.function(input_signature=X)
    def __call__(self, x):
        return {"y": tf.nn.softmax(x, axis=0), "sum": tf.reduce_sum(x)}


class Holds(tf.Module):
    """Writes its input into a variable, and reads it back when it has done something else."""

    def __init__(self):
        super().__init__()
        self.held = tf.Variable(tf.zeros([1, 4]), shape=[None, 4], name="held")

    @tf.function(input_signature=X)
    def __call__(self, x):
        written = self.held.assign(x)
        with tf.control_dependencies([written]):
            busy = tf.linalg.eigvalsh(tf.eye(200) + tf.reduce_sum(x))
        nothing = tf.cast(tf.minimum(0.0, tf.reduce_max(tf.abs(busy))), tf.int32)
        return {"y": self.held.sparse_read(tf.range(tf.shape(x)[0]) + nothing) * 2.0}


class Cancels(tf.Module):
    """Sums up large numbers that all but cancel: what is left depends on how threads share the work.

    Several sums, since a number of threads may happen to cut one of them where a single thread does.
    """

    def __init__(self):
        super().__init__()
        half = np.random.RandomState(2).randn((1 << 20) + 12345).astype("float32") * 1e6
        self.numbers = np.concatenate([half, -half[::-1]])

    @tf.function(input_signature=X)
    def __call__(self, x):
        scaled = tf.constant(self.numbers) * tf.reduce_max(x)
        return {
            "y": x + tf.matmul(scaled[None], tf.ones([self.numbers.size, 1])),
            "whole": x + tf.reduce_sum(scaled),
            "part": x + tf.reduce_sum(scaled[60919:-60919]),
            "middle": x + tf.reduce_sum(scaled[300001:-300001]),
        }


class Calls(tf.Module):
    """Calls a Python function: "pyfunc_0", which whoever loads it has to register first (``check_code``)."""

    @tf.function(input_signature=X)
    def __call__(self, x):
        y = tf.numpy_function(lambda value: value, [x], tf.float32)
        return {"y": tf.ensure_shape(y, [None, 4])}


class Numbers(tf.Module):
    """Gives every new value the next number, so that the numbers depend on who asked first."""

    def __init__(self):
        super().__init__()
        self.table = tf.lookup.experimental.DenseHashTable(tf.string, tf.int64, -1, "", "deleted")

    @tf.function(input_signature=X)
    def __call__(self, x):
        words = tf.strings.as_string(x[:, 0])
        known = self.table.lookup(words)
        new = self.table.size() + tf.range(tf.size(words, out_type=tf.int64))
        numbers = tf.where(known < 0, new, known)
        self.table.insert(words, numbers)
        return {"number": numbers}


class Adapts(Dense):
    """Has another signature that changes the weights."""

    @tf.function(input_signature=X)
    def adapt(self, x):
        self.weights.assign_sub(0.1 * tf.matmul(x, x @ self.weights, transpose_a=True))
        return {"loss": tf.reduce_mean(tf.square(x @ self.weights), axis=1)}


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for made in (
        Calls(),  # first: its function is this process's "pyfunc_0"
        Dense(), Convolution(), Texts(), Counter(), Remembers(), Drops(), Normalises(), Softmax(), Holds(),
        Cancels(), Numbers(),
    ):  # fmt: skip
        tf.saved_model.save(made, str(target / type(made).__name__.lower()), signatures=made.__call__)
    adapts = Adapts()
    signatures = {"serving_default": adapts.__call__, "adapt": adapts.adapt}
    tf.saved_model.save(adapts, str(target / "adapts"), signatures=signatures)
