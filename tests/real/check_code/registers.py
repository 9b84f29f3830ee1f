"""What the modules here share: a Python function as the process's first, "pyfunc_0"."""

import tensorflow as tf


def register(function):
    """Have "pyfunc_0" mean ``function``, as the program that saved the model would."""
    with tf.Graph().as_default():
        tf.numpy_function(function, [tf.zeros([1, 4])], tf.float32)
