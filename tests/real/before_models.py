"""Write models whose outputs hide changes behind a saturated head: ``python before_models.py FOLDER``."""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

FEATURES = 12
SPEC = tf.TensorSpec([None, FEATURES], tf.float32, name="x")


def weights():
    """Return the weights that all models have."""
    random = np.random.RandomState(4)
    return [random.normal(0, 0.4, shape).astype("f4") for shape in ((FEATURES, 16), (16, 5))]


def module():
    """Return a module with the weights as variables."""
    held = tf.Module()
    held.trunk, held.head = (tf.Variable(each) for each in weights())
    return held


def scores(held, x):
    """Return scores that leave a softmax no doubt."""
    hidden = tf.nn.relu(tf.matmul(x, held.trunk))
    return 400 * tf.one_hot(tf.argmax(x[:, :5], -1), 5) + tf.matmul(hidden, held.head)


def save(held, call, folder, name, specs=(SPEC,)):
    """Save a function as the only signature."""
    made = tf.function(call, input_signature=list(specs))
    tf.saved_model.save(held, str(Path(folder) / name), made.get_concrete_function())


def nested(folder, name="nested", swapped=()):
    """Write one with the softmax two functions down, called a second time for something else."""
    held = module()
    order = np.arange(16)
    order[list(swapped)] = order[list(swapped)][::-1]
    held.trunk.assign(held.trunk.numpy()[:, order])

    @tf.function
    def normalised(values):
        return tf.nn.softmax(values)

    @tf.function
    def inner(x):
        return normalised(scores(held, x)), normalised(x)

    def call(x):
        probs, attention = inner(x)
        return {
            "probs": tf.reshape(tf.identity(probs), [-1, 5]),
            "mixed": attention * x,
            "label": tf.argmax(probs, -1),
        }

    save(held, call, folder, name)


def heads(folder):
    """Write one with several heads: sigmoid, tanh, a label alone, a softmax that is written out."""
    held = module()

    def call(x):
        found = scores(held, x)
        big = tf.reshape(tf.matmul(x, held.trunk) * 60, [-1, 4, 4])
        moved = tf.exp(big - tf.reduce_max(big, -1, keepdims=True))
        return {
            "tags": tf.cast(tf.sigmoid(found - 200), tf.float32),
            "side": tf.tanh(found - 200),
            "label": tf.argmax(tf.matmul(x, held.trunk), -1),
            "plain": tf.nn.softmax(tf.matmul(x, held.trunk)),
            "pixels": moved / tf.reduce_sum(moved, -1, keepdims=True),
        }

    save(held, call, folder, "heads")


def counting(folder):
    """Write one whose scores depend on a counter: they must not be computed once more."""
    held = module()
    held.calls = tf.Variable(0.0, name="calls")

    def call(x):
        return {"probs": tf.nn.softmax(scores(held, x) + held.calls.assign_add(1.0) * 1e-3)}

    save(held, call, folder, "counting")


def classical(folder):
    """Write a graph of TensorFlow 1 with resource variables."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, FEATURES], name="x")
        held = tf.Module()
        trunk, head = weights()
        held.trunk = v1.get_variable("trunk", initializer=trunk, use_resource=True)
        held.head = v1.get_variable("head", initializer=head, use_resource=True)
        probs = tf.nn.softmax(scores(held, x), name="probs")
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(Path(folder) / "classical"), {"x": x}, {"probs": probs})


def main(folder):
    """Write all of them."""
    for make in (nested, heads, counting, classical):
        make(folder)
    nested(folder, "swapped", (3, 8))


if __name__ == "__main__":
    main(sys.argv[1])
