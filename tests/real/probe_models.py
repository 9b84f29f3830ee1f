"""Write SavedModels that try the probe: ``python probe_models.py FOLDER``, in any TensorFlow from 2.4 on."""

import collections
import os
import sys
from pathlib import Path

import tensorflow as tf

X = [tf.TensorSpec([None], tf.float32, name="x")]
Point = collections.namedtuple("Point", ["left", "right"])


def opaque(tensor):
    """Hide a shape, so that a wrong one is met by the kernel and not by the check before it."""
    return tf.raw_ops.PlaceholderWithDefault(input=tensor, shape=tf.TensorShape(None))


class Segfaults(tf.Module):
    """A null pointer in 2.4 (CVE-2022-21739): bounds that are no scalars. Refused by later kernels."""

    @tf.function(input_signature=X)
    def __call__(self, x):
        nothing = opaque(tf.boolean_mask(x, x > 1e9))
        image = tf.bitcast(tf.ones([1, 4, 4, 2], tf.uint8), tf.quint8)
        pooled = tf.raw_ops.QuantizedMaxPool(
            input=image,
            min_input=nothing,
            max_input=nothing,
            ksize=[1, 1, 1, 1],
            strides=[1, 1, 1, 1],
            padding="VALID",
        )
        return {"y": pooled.min_output}


class Loops(tf.Module):
    """Never comes to an end."""

    @tf.function(input_signature=X)
    def __call__(self, x):
        return {"y": tf.while_loop(lambda _: True, lambda y: (y * 0.5,), [x])[0]}


class Grows(tf.Module):
    """Doubles what it holds for ever."""

    @tf.function(input_signature=X)
    def __call__(self, x):
        shapes = [tf.TensorShape([None])]
        return {"y": tf.while_loop(lambda _: True, lambda y: (tf.tile(y, [2]),), [x], shapes)[0]}


class Prints(tf.Module):
    """Says on stderr what no recording may hold."""

    @tf.function(input_signature=X)
    def __call__(self, x):
        with tf.control_dependencies([tf.print("token", os.environ.get("TRIED_SECRET", ""), "end")]):
            return {"y": tf.identity(x)}


class Names(tf.Module):
    """Output names that are data: a path out of the folder, and a value that is not a number."""

    @tf.function(input_signature=X)
    def __call__(self, x):
        return {
            "../../x": x + 1.0,
            "nan": tf.math.log(-x),
            "empty": tf.zeros([0, 3]),
            "scalar": tf.reduce_sum(x),
        }


class Structured(tf.Module):
    """Functions for every kind of structure and of element; a second graph input each."""

    def __init__(self):
        super().__init__()
        self.count = tf.Variable(0.0)
        self.factor = tf.Variable([3.0])

    @tf.function(input_signature=X)
    def __call__(self, x):
        return x * 2.0

    @tf.function(input_signature=X)
    def nested(self, x):
        return {"a": {"b": [x, (x + 1.0, Point(x + 2.0, None))]}, "c": tf.constant(["p\0", "\0"])}

    @tf.function(input_signature=X)
    def composite(self, x):
        ragged = tf.RaggedTensor.from_row_splits(x, tf.constant([0, 1, 1, 2], tf.int64))
        sparse = tf.SparseTensor([[0, 1]], [3.0], [2, 2])
        return {"ragged": ragged, "sparse": sparse, "bf16": tf.cast(x, tf.bfloat16)}

    @tf.function(input_signature=X)
    def unusual(self, x):
        return {
            "quantized": tf.bitcast(tf.constant([1, 2], tf.uint8), tf.quint8),
            "none": None,
            "complex": tf.complex(x, x),
            "half": tf.cast(x, tf.float16),
            "bool": x > 1.0,
        }

    @tf.function(input_signature=X)
    def counts(self, x):
        self.count.assign_add(1.0)
        return {"still": x + 0.0, "moves": x + self.count}

    @tf.function(input_signature=[*X, tf.TensorSpec([None], tf.float32, name="unused")])
    def sensitive(self, x, unused):
        return {
            "y": x * self.factor,
            "rounded": tf.round(x * 1000.0),
            "parity": tf.cast(x * 1000.0 + 0.5, tf.int32),
            "text": tf.strings.as_string(tf.shape(x)),
            "batch": x - tf.reduce_mean(x),
        }

    @tf.function(input_signature=X)
    def handle(self, x):
        return {
            "x": x,
            "list": tf.raw_ops.EmptyTensorList(
                element_shape=tf.constant([], tf.int32),
                max_num_elements=tf.constant(1),
                element_dtype=tf.float32,
            ),
        }

    @tf.function(input_signature=X)
    def nothing(self, x):
        return {}

    @tf.function(
        input_signature=[
            tf.SparseTensorSpec([None, None], tf.float32),
            tf.RaggedTensorSpec([None, None], tf.float32, ragged_rank=1),
            tf.TensorSpec([None], tf.bfloat16, name="bf16"),
        ]
    )
    def takes(self, sparse, ragged, bf16):
        return {"sparse": tf.sparse.to_dense(sparse), "ragged": ragged.to_tensor(), "bf16": bf16}


if __name__ == "__main__":
    structured = Structured()
    for name, model, entry in (
        ("segfaults", Segfaults(), None),
        ("loops", Loops(), None),
        ("grows", Grows(), None),
        ("prints", Prints(), None),
        ("names", Names(), None),
        ("structured", structured, structured.__call__),
    ):
        tf.saved_model.save(model, str(Path(sys.argv[1]) / name), signatures=entry or model.__call__)
