"""Write SavedModels with random operations in them: ``python random_models.py FOLDER``, in any release."""

import sys
from pathlib import Path

import tensorflow as tf

INPUT = tf.TensorSpec([None, 3], tf.float32, name="x")


class Drawn(tf.Module):
    """Random numbers of every kind beside an output that needs none."""

    @tf.function(input_signature=[INPUT])
    def __call__(self, x):
        """Return a dict of outputs."""
        return {
            "plain": x * 2.0,
            "drawn": x + tf.random.normal([3], name="noise"),
            "stateless": x + tf.random.stateless_normal([3], seed=[1, 2]),
        }


class Seeded(tf.Module):
    """Random numbers that begin anew, and the same, in every process."""

    @tf.function(input_signature=[INPUT])
    def __call__(self, x):
        """Return a dict of outputs."""
        return {"plain": x * 2.0, "seeded": x + tf.random.uniform([3], seed=7)}


class Generated(tf.Module):
    """A generator whose state is a variable of the model."""

    def __init__(self):
        super().__init__()
        self.generator = tf.random.Generator.from_seed(1)

    @tf.function(input_signature=[INPUT])
    def __call__(self, x):
        """Return a dict of outputs."""
        return {"plain": x * 2.0, "generated": x + self.generator.normal([3])}


class Counted(tf.Module):
    """A number of calls, which is random to whoever does not count them."""

    def __init__(self):
        super().__init__()
        self.calls = tf.Variable(0.0)

    @tf.function(input_signature=[INPUT])
    def __call__(self, x):
        """Return a dict of outputs."""
        self.calls.assign_add(1.0)
        return {"plain": x * 2.0, "counted": x + self.calls}


def write_dropout(folder):
    """A model of Keras whose dropout was left on."""
    inputs = tf.keras.Input([3], name="x")
    dropped = tf.keras.layers.Dropout(0.5, name="dropout")(inputs, training=True)
    model = tf.keras.Model(inputs, {"dropped": dropped, "plain": inputs * 2.0})

    @tf.function(input_signature=[INPUT])
    def serve(x):
        return model(x)

    tf.saved_model.save(model, str(folder / "dropout"), signatures=serve)


def write_v1(folder):
    """A graph of TensorFlow 1, with a seed of its own and without."""
    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        x = v1.placeholder(tf.float32, [None, 3], "x")
        outputs = {
            "plain": x * 2.0,
            "drawn": tf.nn.dropout(x, rate=0.5, name="dropout"),
            "seeded": x + v1.random_normal([3], seed=7),
            "chosen": v1.multinomial(x, 5),
        }
        v1.saved_model.simple_save(session, str(folder / "v1"), {"x": x}, outputs)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for name, module in (
        ("drawn", Drawn()),
        ("seeded", Seeded()),
        ("generated", Generated()),
        ("counted", Counted()),
    ):
        tf.saved_model.save(module, str(target / name), signatures=module.__call__)
    write_dropout(target)
    write_v1(target)
