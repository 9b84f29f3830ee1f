"""Write models that are called by functions, and a mixed_bfloat16 one, with an environment's TensorFlow.

``function_models.py FOLDER``
"""

import collections
import sys

import tensorflow as tf

Pair = collections.namedtuple("Pair", ["left", "right"])


class Model(tf.Module):
    """Without signatures: every function was traced by calling it."""

    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable([[1.0, 2.0], [3.0, 4.0]])

    @tf.function
    def __call__(self, x, training=False):
        return tf.matmul(x, self.kernel) * (2.0 if training else 1.0)

    @tf.function
    def nested(self, features, pair, mask=None):
        y = tf.matmul(features["x"], self.kernel) + features["deep"][0] * pair.left + pair.right
        return y if mask is None else y * mask

    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], tf.int64)])
    def ragged(self, tokens):
        return {"sums": tf.reduce_sum(tokens, axis=1), "same": tokens + 1}

    @tf.function(input_signature=[tf.SparseTensorSpec([None, 4], tf.float32)])
    def sparse(self, bag):
        return {"sums": tf.sparse.sparse_dense_matmul(bag, tf.ones([4, 2]))}


class Half(tf.Module):
    """Batch normalization in bfloat16."""

    @tf.function(input_signature=[tf.TensorSpec([None, 4, 4, 3], tf.float32, name="x")])
    def serve(self, x):
        one, zero = tf.ones([3]), tf.zeros([3])
        half = tf.cast(x, tf.bfloat16)
        y = tf.compat.v1.nn.fused_batch_norm(half, one, zero, zero, one, is_training=False)[0]
        return {"y": tf.cast(y, tf.float32)}


def main(folder):
    model = Model()
    x, pair = tf.zeros([1, 2]), Pair(tf.ones([3, 2]), tf.ones([1]))
    features = {"x": tf.ones([3, 2]), "deep": (tf.ones([3, 2]),)}
    for training in (True, False):
        model(x, training=training)
    model.nested(features, pair)
    model.nested(features, pair, tf.ones([3, 2]))
    tf.saved_model.save(model, folder + "/functions")
    tf.saved_model.save(model, folder + "/taken_apart", signatures={"r": model.ragged, "s": model.sparse})
    half = Half()
    tf.saved_model.save(half, folder + "/half", signatures=half.serve)


if __name__ == "__main__":
    main(sys.argv[1])
