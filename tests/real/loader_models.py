"""Write SavedModels that try the loaders: ``python loader_models.py FOLDER``, in TensorFlow 2.7 or so.

In a release that knows them (2.15), ``python loader_models.py FOLDER defaults`` gives the model ``v1`` a copy
with a default for one of its inputs, as ``python loader_models.py FOLDER custom_op LIBRARY`` in any release
writes a model of a custom operation.
"""

import shutil
import sys
from pathlib import Path

import tensorflow as tf

sys.path.append(str(Path(__file__).resolve().parents[2] / "examples"))  # the article's layer


def write_v1(folder):
    """A graph of TensorFlow 1, for two sets of tags: variables of both kinds, sparse tensors, texts."""
    v1 = tf.compat.v1
    graph = tf.Graph()
    with graph.as_default(), v1.Session(graph=graph) as session:
        x = v1.placeholder(tf.float32, [None], "x")
        offset = v1.placeholder(tf.float32, [], "offset")
        words = v1.sparse_placeholder(tf.string, [None, None], "words")
        reference = v1.get_variable("reference", [2], initializer=v1.ones_initializer(), use_resource=False)
        resource = v1.get_variable("resource", [2], initializer=v1.ones_initializer(), use_resource=True)
        v1.get_variable("unread", [5], initializer=v1.ones_initializer(), use_resource=True)
        outputs = {
            "y": x * reference * 3.0 + resource + offset,
            "again": words,
            "text": v1.sparse_tensor_to_dense(words, default_value="\0"),
            "bf16": tf.cast(x, tf.bfloat16),
            "variable": reference,
            "list": tf.raw_ops.EmptyTensorList(
                element_shape=tf.constant([], tf.int32), max_num_elements=1, element_dtype=tf.float32
            ),
        }
        session.run(v1.global_variables_initializer())
        info = v1.saved_model.build_tensor_info
        known = {name: info(tensor) for name, tensor in outputs.items()}
        handle = {"list": known.pop("list")}
        inputs = {"x": info(x), "offset": info(offset), "words": info(words)}
        aliases = {**inputs, "same": info(offset)}
        signatures = {
            "aliases": v1.saved_model.build_signature_def(aliases, known, "predict"),
            "serving_default": v1.saved_model.build_signature_def(inputs, known, "predict"),
            "handle": v1.saved_model.build_signature_def({}, handle, "predict"),
        }
        builder = v1.saved_model.Builder(str(folder / "v1"))
        builder.add_meta_graph_and_variables(session, ["train"], {})
        builder.add_meta_graph(["serve"], signatures)
        builder.save()


class Takes(tf.Module):
    """A signature of composite tensors, which TensorFlow 2 takes apart when it saves."""

    @tf.function(
        input_signature=[
            tf.SparseTensorSpec([None, None], tf.float32),
            tf.RaggedTensorSpec([None, None], tf.float32, ragged_rank=1),
        ]
    )
    def __call__(self, sparse, ragged):
        return {"sparse": tf.sparse.to_dense(sparse), "ragged": ragged.to_tensor()}


class Modes(tf.Module):
    """A function with an argument that the layer of Keras 3 keeps for itself, and a signature without it."""

    @tf.function
    def __call__(self, x, training):
        """Return twice the input in training, and else the input."""
        return {"y": x * 2.0 if training else x}

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x")])
    def infer(self, x):
        """Return what a served model does."""
        return self(x, False)


class Subclassed(tf.keras.Model):
    """Without a parameter ``training``, and with outputs that have no names."""

    def __init__(self):
        super().__init__()
        self.dense = tf.keras.layers.Dense(2)

    def call(self, inputs):
        """Return two tensors."""
        return self.dense(inputs), inputs * 2.0


def write_keras(folder):
    """Models of Keras: of two inputs, of a class of its own, of a layer that cannot do without its class."""
    from my_custom_layer import MyCustomLayer

    first, second = tf.keras.Input([3], name="b"), tf.keras.Input([3], name="a")
    sums = tf.keras.layers.Add(name="sum")([first, second])
    differences = tf.keras.layers.Subtract(name="difference")([first, second])
    tf.keras.Model([first, second], [sums, differences]).save(str(folder / "pair"))
    tf.keras.Model([first, second], sums).save(str(folder / "total"))
    subclassed = Subclassed()
    subclassed(tf.ones([1, 3]))
    subclassed.predict(tf.ones([1, 3]))
    subclassed.save(str(folder / "subclassed"))
    untraced = tf.keras.Sequential([tf.keras.Input([3], name="x"), MyCustomLayer(name="doubled")])
    untraced.save(str(folder / "untraced"), save_traces=False)


def write_defaults(folder):
    """Let the input ``offset`` of the model ``v1`` have a default."""
    from tensorflow.core.protobuf import saved_model_pb2

    shutil.copytree(str(folder / "v1"), str(folder / "defaults"))
    path = folder / "defaults/saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for graph in model.meta_graphs:
        for signature in graph.signature_def.values():
            if "offset" in signature.inputs:
                signature.defaults["offset"].CopyFrom(tf.make_tensor_proto(100.0))
    path.write_bytes(model.SerializeToString())


def write_custom_op(folder, library):
    """A model of the operation Tripled in ``library``."""
    operations = tf.load_op_library(library)

    class Triples(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def __call__(self, x):
            return {"y": operations.tripled(x=x)}

    model = Triples()
    tf.saved_model.save(model, str(folder / "custom_op"), signatures=model.__call__)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    if sys.argv[2:3] == ["defaults"]:
        write_defaults(target)
    elif sys.argv[2:3] == ["custom_op"]:
        write_custom_op(target, sys.argv[3])
    else:
        write_v1(target)
        takes = Takes()
        tf.saved_model.save(takes, str(target / "takes"), signatures=takes.__call__)
        modes = Modes()
        modes(tf.ones([1, 3]), True)
        tf.saved_model.save(modes, str(target / "modes"), signatures=modes.infer)
        write_keras(target)
