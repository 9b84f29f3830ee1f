"""Write a model whose signatures take some shapes and scales only: ``fitting_models.py FOLDER``."""

import sys

import tensorflow as tf


def normal(*shape):
    return tf.Variable(tf.random.stateless_normal(shape, [1, 2]))


class Fitting(tf.Module):
    """One function for each thing that inputs must fit."""

    def __init__(self):
        super().__init__()
        self.kernel, self.dense = normal(3, 3, 1, 4), normal(64, 3)
        self.vectors, self.last = normal(7, 3), normal(5, 2)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 1], name="x")])
    def length(self, x):
        found = tf.nn.conv2d(x, self.kernel, 2, "VALID")
        return {"y": tf.reshape(found, [tf.shape(found)[0], -1]) @ self.dense}

    @tf.function(input_signature=[tf.TensorSpec([None, 6], name="x")])
    def batch(self, x):
        return {"y": tf.reshape(x, [1, 6]) @ tf.ones([6, 2])}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 2], tf.int64, name="i"),
            tf.TensorSpec([None], name="v"),
            tf.TensorSpec([2], tf.int64, name="s"),
        ]
    )
    def sparse(self, i, v, s):
        return {"y": tf.sparse.sparse_dense_matmul(tf.SparseTensor(i, v, s), self.vectors)}

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.int64, name="ids")])
    def index(self, ids):
        return {"y": tf.gather(self.vectors, ids)}

    @tf.function(input_signature=[tf.TensorSpec([None, 5], name="x")])
    def blind(self, x):
        return {"y": tf.nn.relu(x @ tf.ones([5, 5]) - 400.0) @ self.last}


if __name__ == "__main__":
    model = Fitting()
    names = ("length", "batch", "sparse", "index", "blind")
    signatures = {name: getattr(model, name).get_concrete_function() for name in names}
    tf.saved_model.save(model, sys.argv[1], signatures=signatures)
