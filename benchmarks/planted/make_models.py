"""Make the SavedModels that no package has: rows of unequal scale, 16-bit, saturated and seeded ones.

``python -m benchmarks.planted.make_models FOLDER`` with the Python of a TensorFlow 2.9.3 environment writes
one folder per model, which newer releases load as well. All weights come from fixed seeds.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np


def main(folder: str) -> int:
    """Make every model and return how many there are."""
    tf = importlib.import_module("tensorflow")
    for name, make in MODELS.items():
        module, call, specs = make(tf, np.random.RandomState(7))
        signature = tf.function(call, input_signature=specs)
        tf.saved_model.save(module, str(Path(folder) / name), signature.get_concrete_function())
    return len(MODELS)


def held_variables(tf: Any, random: Any, **shapes: tuple[int, ...]) -> Any:  # noqa: ANN401
    """Return a module with a variable of each shape, scaled as Glorot would."""
    module = tf.Module()
    for name, shape in shapes.items():
        scale = np.sqrt(2 / (np.prod(shape[:-1]) + shape[-1])) if len(shape) > 1 else 0.1
        setattr(module, name, tf.Variable(random.normal(0, scale, shape).astype("f4"), name=name))
    return module


def _scales(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """Rows as large as their input, columns of unequal scale: each row and class has its own rounding."""
    held = held_variables(tf, random, one=(32, 64), two=(64, 48), three=(48, 12))
    sizes = np.array([1, 1, 1e3, 1, 1e-3, 1, 1, 1e2, 1, 1, 1e-5, 1], "f4")
    held.three.assign(held.three * sizes)

    def call(x: Any) -> Any:  # noqa: ANN401
        h = tf.nn.relu(x @ held.one)
        return {"scores": tf.nn.relu(h @ held.two) @ held.three}

    return held, call, [tf.TensorSpec([None, 32], tf.float32, name="x")]


def _flat(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """A vector without rows, whose last third is a millionth of the others."""
    held = held_variables(tf, random, one=(40, 96), two=(96, 90), three=(96, 45))

    def call(x: Any) -> Any:  # noqa: ANN401
        h = tf.tanh(x @ held.one)
        parts = [tf.reshape(1e6 * (h @ held.two), [-1]), tf.reshape(h @ held.three, [-1])]
        return {"features": tf.concat(parts, 0)}

    return held, call, [tf.TensorSpec([None, 40], tf.float32, name="x")]


def _network(low: str) -> Any:  # noqa: ANN401
    """Return what makes a convolutional network with float32 weights that computes in ``low``."""

    def make(tf: Any, random: Any) -> Any:  # noqa: ANN401
        held = held_variables(
            tf, random, one=(3, 3, 3, 16), two=(3, 3, 16, 32), three=(3, 3, 32, 32), head=(32, 10)
        )
        dtype = tf.as_dtype(low)

        def call(x: Any) -> Any:  # noqa: ANN401
            h = tf.cast(x, dtype)
            for kernel in (held.one, held.two, held.three):
                h = tf.nn.relu(tf.nn.conv2d(h, tf.cast(kernel, dtype), 1, "SAME"))
            h = tf.reduce_mean(h, [1, 2])
            return {"scores": tf.nn.softmax(8 * (tf.cast(h, tf.float32) @ held.head)), "features": h}

        return held, call, [tf.TensorSpec([None, 24, 24, 3], tf.float32, name="photo")]

    return make


def _attention(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """Two layers of self-attention in bfloat16 with layer normalisation in float32."""
    held = held_variables(
        tf,
        random,
        **{f"{part}{layer}": (32, 32) for layer in (1, 2) for part in ("query", "key", "value", "out")},
        head=(32, 6),
    )

    def call(x: Any) -> Any:  # noqa: ANN401
        for layer in ("1", "2"):
            mean, variance = tf.nn.moments(x, [-1], keepdims=True)
            h = tf.cast((x - mean) * tf.math.rsqrt(variance + 1e-5), tf.bfloat16)
            q, k, v, o = (
                tf.cast(getattr(held, f"{part}{layer}"), tf.bfloat16)
                for part in ("query", "key", "value", "out")
            )
            score = tf.matmul(
                tf.einsum("btc,cd->btd", h, q), tf.einsum("btc,cd->btd", h, k), transpose_b=True
            )
            mixed = tf.matmul(tf.nn.softmax(score), tf.einsum("btc,cd->btd", h, v))
            x += tf.cast(tf.einsum("btc,cd->btd", mixed, o), tf.float32)
        return {"tags": tf.einsum("btc,cd->btd", x, held.head)}

    return held, call, [tf.TensorSpec([None, 20, 32], tf.float32, name="tokens")]


def _saturated(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """A classifier so sure of itself that most of its probabilities are 0 or 1."""
    held = held_variables(tf, random, one=(24, 64), two=(64, 10))

    def call(x: Any) -> Any:  # noqa: ANN401
        return {"classes": tf.nn.softmax(60 * (tf.nn.relu(x @ held.one) @ held.two))}

    return held, call, [tf.TensorSpec([None, 24], tf.float32, name="x")]


def _one_hot(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """A classifier whose answer depends on its input so clearly that softmax leaves ones and zeros."""
    held = held_variables(tf, random, one=(24, 64), two=(64, 48), three=(48, 10), shift=(64,))

    def call(x: Any) -> Any:  # noqa: ANN401
        h = tf.nn.relu(tf.nn.relu(x @ held.one + held.shift) @ held.two) @ held.three
        choice = tf.one_hot(tf.argmax(x[:, :10], -1), 10)
        return {"classes": tf.nn.softmax(500 * (8 * choice + 0.1 * h))}

    return held, call, [tf.TensorSpec([None, 24], tf.float32, name="x")]


def _detector(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """Boxes in pixels, saturated sigmoid scores and integer labels from one trunk."""
    held = held_variables(tf, random, trunk=(48, 64), box=(64, 40), score=(64, 30), label=(64, 12))

    def call(x: Any) -> Any:  # noqa: ANN401
        h = tf.nn.elu(x @ held.trunk)
        return {
            "boxes": 640 * tf.sigmoid(h @ held.box),
            "scores": tf.sigmoid(25 * (h @ held.score)),
            "labels": tf.argmax(h @ held.label, -1),
        }

    return held, call, [tf.TensorSpec([None, 48], tf.float32, name="x")]


def _seeded(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """A network that adds seeded noise to its input, as dithering does."""
    held = held_variables(tf, random, one=(30, 50), two=(50, 8))

    def call(x: Any) -> Any:  # noqa: ANN401
        x += 0.05 * tf.raw_ops.RandomStandardNormal(shape=tf.shape(x), dtype=tf.float32, seed=3, seed2=5)
        return {"y": tf.tanh(x @ held.one) @ held.two}

    return held, call, [tf.TensorSpec([None, 30], tf.float32, name="x")]


MODELS = {
    "scales": _scales,
    "float16": _network("float16"),
    "saturated": _saturated,
    "one_hot": _one_hot,
    "seeded": _seeded,
    "bfloat16": _network("bfloat16"),
    "attention": _attention,
    "flat": _flat,
    "detector": _detector,
}


if __name__ == "__main__":
    print("made", main(sys.argv[1]))  # noqa: T201 - the answer to the bench
