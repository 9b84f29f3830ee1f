"""Write SavedModels whose outputs are random or remember earlier calls: ``python drawing_models.py FOLDER``.

Beside each lies one with a change that someone might make: ``NAME-changed``.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

INPUT = tf.TensorSpec([None, 3], tf.float32, name="x")
WORDS = ["alpha", "beta", "gamma"]


class Noisy(tf.Module):
    """Noise of two kinds on an output, and none on another."""

    def __init__(self, scale, shift):
        super().__init__()
        self.scale, self.shift = scale, shift

    @tf.function(input_signature=[INPUT])
    def __call__(self, x):
        """Return a dict of outputs."""
        noise = self.scale * tf.random.normal(tf.shape(x), name="noise")
        return {
            "plain": x * 2.0,
            "noisy": tf.tanh(x) + noise,
            "uniform": x + self.shift + tf.random.uniform(tf.shape(x), name="uniform"),
        }


class Chosen(tf.Module):
    """Labels drawn by their probabilities, as numbers and as words."""

    def __init__(self, logits):
        super().__init__()
        self.logits = tf.Variable([logits])

    @tf.function(input_signature=[INPUT])
    def __call__(self, x):
        """Return a dict of outputs."""
        logits = self.logits + 0.1 * x
        label = tf.random.categorical(logits, 4)
        return {"logits": logits, "label": label, "word": tf.gather(tf.constant(WORDS), label[:, 0])}


class Counted(tf.Module):
    """A number of calls."""

    def __init__(self, step):
        super().__init__()
        self.calls, self.step = tf.Variable(0.0), step

    @tf.function(input_signature=[INPUT])
    def __call__(self, x):
        """Return a dict of outputs."""
        self.calls.assign_add(self.step)
        return {"counted": tf.tanh(x) * self.calls}


class Seeded(tf.Module):
    """Random numbers that begin anew, and the same, in every process."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    @tf.function(input_signature=[INPUT])
    def __call__(self, x):
        """Return a dict of outputs."""
        return {"seeded": tf.tanh(x) + self.scale * tf.random.uniform([3], seed=7)}


def write_dropout(path, rate):
    """A model of Keras whose dropout was left on, between two layers."""
    random = np.random.RandomState(1)
    inputs = tf.keras.Input([3], name="x")
    hidden = tf.keras.layers.Dense(16, "tanh")(inputs)
    dropped = tf.keras.layers.Dropout(rate, name="dropout")(hidden, training=True)
    model = tf.keras.Model(inputs, {"y": tf.keras.layers.Dense(2)(dropped), "hidden": hidden})
    _write(model, path, INPUT, random)


def write_lstm(path, factor):
    """An LSTM that carries its state from call to call; what it carries is multiplied by ``factor``."""
    random = np.random.RandomState(2)
    inputs = tf.keras.Input(batch_shape=[2, 1, 3], name="x")
    outputs = tf.keras.layers.LSTM(8, stateful=True)(inputs)
    model = tf.keras.Model(inputs, {"y": tf.keras.layers.Dense(2)(outputs)})
    _write(model, path, tf.TensorSpec([2, 1, 3], tf.float32, name="x"), random, factor)


def _write(model, path, spec, random, factor=1.0):
    for weight in model.trainable_weights:
        scale = factor if "recurrent" in weight.name else 1.0
        weight.assign(scale * random.normal(size=weight.shape, scale=0.4).astype("f4"))

    @tf.function(input_signature=[spec])
    def serve(x):
        return model(x)

    tf.saved_model.save(model, str(path), signatures=serve)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    pairs = {
        "noise": (Noisy(1.0, 0.0), Noisy(1.2, 0.0)),
        "offset": (Noisy(1.0, 0.0), Noisy(1.0, 0.1)),
        "chosen": (Chosen([0.0, 1.0, 0.5]), Chosen([0.3, 1.0, 0.5])),
        "counted": (Counted(1.0), Counted(1.001)),
        "seeded": (Seeded(1.0), Seeded(1.001)),
    }
    for name, (plain, changed) in pairs.items():
        for module, suffix in ((plain, ""), (changed, "-changed")):
            tf.saved_model.save(module, str(target / (name + suffix)), signatures=module.__call__)
    for suffix, rate, factor in (("", 0.5, 1.0), ("-changed", 0.4, 1.01)):
        write_dropout(target / ("dropout" + suffix), rate)
        write_lstm(target / ("lstm" + suffix), factor)
