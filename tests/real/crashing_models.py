"""Write SavedModels that end badly: ``python crashing_models.py FOLDER``, in a TensorFlow environment."""

import sys
from pathlib import Path

import tensorflow as tf

SIGNATURE = [tf.TensorSpec([None], tf.float32, name="x")]


class Loops(tf.Module):
    """Never comes to an end."""

    @tf.function(input_signature=SIGNATURE)
    def __call__(self, x):
        return {"y": tf.while_loop(lambda _: True, lambda y: (y * 0.5,), [x])[0]}


class Hog(tf.Module):
    """Wants 3.2 GB."""

    @tf.function(input_signature=SIGNATURE)
    def __call__(self, x):
        return {"y": x + tf.reduce_sum(tf.random.uniform([800_000_000]))}


class Aborts(tf.Module):
    """Takes its process with it."""

    @tf.function(input_signature=SIGNATURE)
    def __call__(self, x):
        with tf.control_dependencies([tf.raw_ops.Abort(error_msg="on purpose")]):
            return {"y": x + 1.0}


if __name__ == "__main__":
    for name, model in (("loops", Loops()), ("hog", Hog()), ("aborts", Aborts())):
        tf.saved_model.save(model, str(Path(sys.argv[1], name)), signatures=model.__call__)
