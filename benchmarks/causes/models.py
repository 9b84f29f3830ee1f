"""Write the planted models: ``python models.py FOLDER NAME...``, in the TensorFlow that saves them."""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
FEATURES = 6
WORDS = ["ash", "birch", "cedar"]

MODELS = {}


def model(function):
    """Register a function that writes the model of its name to a folder."""
    MODELS[function.__name__] = function
    return function


def save_function(folder, function, *specs, module=None):
    """Save a function of tensors as the default signature."""
    holder = module or tf.Module()
    holder.serve = tf.function(function, input_signature=list(specs))
    tf.saved_model.save(holder, folder, signatures=holder.serve)


def floats(name="x", shape=(None, FEATURES)):
    """Return the spec of a float32 input."""
    return tf.TensorSpec(shape, tf.float32, name)


def texts():
    """Return the spec of a batch of texts."""
    return tf.TensorSpec([None], tf.string, "text")


@model
def affine(folder):
    """Constants only: every release loads it."""
    save_function(folder, lambda x: {"y": x * 2.0 + 1.0}, floats())


# Keras


def regression(*hidden):
    """Return a Keras model of one dense output behind the given layers."""
    return tf.keras.Sequential([tf.keras.Input([FEATURES], name="x"), *hidden, tf.keras.layers.Dense(1)])


def fitted(folder, optimizer):
    """Save a model after a step of training, with the state of its optimizer."""
    trained = regression(tf.keras.layers.Dense(5, "relu"))
    trained.compile(optimizer, "mse")
    generator = np.random.default_rng(3)
    trained.fit(generator.normal(size=[8, FEATURES]), generator.normal(size=[8, 1]), verbose=0)
    trained.save(folder, save_format="tf")


@model
def compiled_adam(folder):
    """Two slots per weight."""
    fitted(folder, _legacy().Adam())


@model
def compiled_rmsprop(folder):
    """Up to three slots per weight."""
    fitted(folder, _legacy().RMSprop(centered=True, momentum=0.5))


@model
def compiled_momentum(folder):
    """One slot per weight."""
    fitted(folder, _legacy().SGD(momentum=0.9))


@model
def compiled_adagrad(folder):
    """One slot per weight."""
    fitted(folder, _legacy().Adagrad())


def _legacy():
    # From 2.11 on, only the optimizers in this module have slots.
    return getattr(tf.keras.optimizers, "legacy", tf.keras.optimizers)


@model
def dense(folder):
    """A Sequential model that was never compiled."""
    regression(tf.keras.layers.Dense(4, "tanh")).save(folder, save_format="tf")


@model
def branches(folder):
    """A functional model whose branches meet."""
    x = tf.keras.Input([FEATURES], name="x")
    both = tf.keras.layers.Concatenate()([tf.keras.layers.Dense(3)(x), tf.keras.layers.Dense(2, "relu")(x)])
    tf.keras.Model(x, tf.keras.layers.Dense(1)(both)).save(folder, save_format="tf")


@model
def recurrent(folder):
    """An LSTM over the features, taken as steps."""
    regression(tf.keras.layers.Reshape([FEATURES, 1]), tf.keras.layers.LSTM(3)).save(folder, save_format="tf")


@model
def two_inputs(folder):
    """A functional model of two inputs."""
    _joined(folder, "width", "height")


@model
def three_inputs(folder):
    """A functional model of three inputs."""
    _joined(folder, "red", "green", "blue")


@model
def halves(folder):
    """A model of Keras whose signatures take half of what the model itself does, and repeat it."""
    whole = regression(tf.keras.layers.Dense(3))

    @tf.function(input_signature=[floats("half", (None, FEATURES // 2))])
    def serve(half):
        return {"y": whole(tf.concat([half, half], 1))}

    whole.save(folder, save_format="tf", signatures={"serving_default": serve, "other": serve})


@model
def scored(folder):
    """A function without a signature."""
    holder = tf.Module()
    holder.score = tf.function(lambda x: {"y": x * 3.0}, input_signature=[floats()])
    tf.saved_model.save(holder, folder)


@model
def on_a_server(folder):
    """A graph of TensorFlow 1 with its variable on a parameter server, as after training in a cluster."""
    from tensorflow.core.protobuf import saved_model_pb2  # no public API writes the file

    def build():
        x = v1.placeholder(tf.float32, [None, FEATURES], "x")
        weight = v1.get_variable("w", [FEATURES, 2], initializer=v1.ones_initializer(), use_resource=True)
        return {"x": x}, {"y": tf.matmul(x, weight)}, {}

    save_graph(folder, build)
    file = Path(folder, "saved_model.pb")
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for each in saved.meta_graphs[0].graph_def.node:
        if each.op in {"VarHandleOp", "ReadVariableOp", "AssignVariableOp"}:
            each.device = "/job:ps/task:0"
    file.write_bytes(saved.SerializeToString())


def _joined(folder, *names):
    inputs = [tf.keras.Input([2], name=name) for name in names]
    tf.keras.Model(inputs, tf.keras.layers.Dense(2)(tf.keras.layers.Concatenate()(inputs))).save(
        folder, save_format="tf"
    )


@model
def tf_keras_dense(folder):
    """A model that the package tf-keras saved."""
    _with_tf_keras(folder, lambda layers: [layers.Dense(4, "relu")])


@model
def tf_keras_gru(folder):
    """A recurrent one."""
    _with_tf_keras(folder, lambda layers: [layers.Reshape([FEATURES, 1]), layers.GRU(3)])


def _with_tf_keras(folder, hidden):
    import tf_keras

    layers = tf_keras.layers
    tf_keras.Sequential([tf_keras.Input([FEATURES], name="x"), *hidden(layers), layers.Dense(1)]).save(
        folder, save_format="tf"
    )


# Operations of packages


@model
def text_splits(folder):
    """Splits texts by a regular expression."""
    import tensorflow_text

    save_function(
        folder, lambda text: {"words": tensorflow_text.regex_split(text, r"\s").to_tensor("")}, texts()
    )


@model
def text_normalizes(folder):
    """Normalizes Unicode."""
    import tensorflow_text

    save_function(folder, lambda text: {"text": tensorflow_text.normalize_utf8(text, "NFKC")}, texts())


@model
def text_whitespace(folder):
    """Tokenizes at white space."""
    import tensorflow_text

    tokenizer = tensorflow_text.WhitespaceTokenizer()
    save_function(folder, lambda text: {"words": tokenizer.tokenize(text).to_tensor("")}, texts())


@model
def text_folds(folder):
    """Folds case."""
    import tensorflow_text

    save_function(folder, lambda text: {"text": tensorflow_text.case_fold_utf8(text)}, texts())


@model
def forest(folder):
    """A random forest of three trees."""
    import tensorflow_decision_forests as tfdf

    generator = np.random.default_rng(1)
    columns = {name: generator.normal(size=64).astype(np.float32) for name in ("width", "height")}
    labels = (columns["width"] > columns["height"]).astype(np.int64)
    trees = tfdf.keras.RandomForestModel(num_trees=3, verbose=0)
    trees.fit(tf.data.Dataset.from_tensor_slices((columns, labels)).batch(16), verbose=0)
    trees.save(folder)


# Graphs of TensorFlow 1


def save_graph(folder, build):
    """Save the graph of ``build()``, which returns inputs, outputs and the builder's further arguments."""
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        inputs, outputs, options = build()
        session.run(v1.global_variables_initializer())
        info = v1.saved_model.build_tensor_info
        signature = v1.saved_model.build_signature_def(
            {name: info(tensor) for name, tensor in inputs.items()},
            {name: info(tensor) for name, tensor in outputs.items()},
            v1.saved_model.signature_constants.PREDICT_METHOD_NAME,
        )
        builder = v1.saved_model.Builder(folder)
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature}, **options)
        builder.save()


@model
def v1_counter(folder):
    """A variable of the reference kind, which a signature returns."""

    def build():
        x = v1.placeholder(tf.float32, [None, FEATURES], "x")
        level = v1.get_variable("level", initializer=[1.0, 2.0], use_resource=False)
        return {"x": x}, {"y": tf.reduce_sum(x, 1), "level": level}, {}

    save_graph(folder, build)


@model
def v1_same_input(folder):
    """A signature with one tensor under two names."""

    def build():
        x = v1.placeholder(tf.float32, [None, 2], "x")
        return {"points": x, "queries": x}, {"y": x + 1.0}, {}

    save_graph(folder, build)


@model
def v1_table(folder):
    """A table that stands only in the collection of table initialisers."""

    def build():
        words = v1.placeholder(tf.string, [None], "word")
        values = tf.constant([10, 20, 30], tf.int64)
        initializer = tf.lookup.KeyValueTensorInitializer(tf.constant(WORDS), values)
        return {"word": words}, {"id": tf.lookup.StaticHashTable(initializer, -1).lookup(words)}, {}

    save_graph(folder, build)


# Operations and devices


@model
def nchw_conv(folder):
    """A convolution with channels first."""
    kernel = tf.constant(np.random.default_rng(2).normal(size=[2, 2, 3, 4]).astype(np.float32))
    save_function(
        folder,
        lambda x: {"y": tf.nn.conv2d(x, kernel, 1, "VALID", data_format="NCHW")},
        floats(shape=(None, 3, 8, 8)),
    )


@model
def nchw_pool(folder):
    """A maximum over windows with channels first."""
    save_function(
        folder,
        lambda x: {"y": tf.nn.max_pool2d(x, 2, 2, "VALID", data_format="NCHW")},
        floats(shape=(None, 3, 8, 8)),
    )


@model
def has_variables(folder):
    """A variable, which releases from 2.14 on restore with an operation of their own."""
    module = tf.Module()
    module.weight = tf.Variable([[0.5]] * FEATURES)
    save_function(folder, lambda x: {"y": x @ module.weight}, floats(), module=module)


@model
def newer_shuffle(folder):
    """A shuffle of indices without a table of them."""

    def shuffled(x):
        places = tf.range(FEATURES)
        moved = tf.random.experimental.index_shuffle(places, seed=[1, 2], max_index=FEATURES - 1)
        return {"y": tf.gather(x, moved, axis=1)}

    save_function(folder, shuffled, floats())


@model
def half_normalized(folder):
    """A batch normalization in bfloat16."""

    def normalized(x):
        ones, zeros = tf.ones([3]), tf.zeros([3])
        images = tf.cast(x, tf.bfloat16)
        y, _, _ = tf.compat.v1.nn.fused_batch_norm(images, ones, zeros, zeros, ones, is_training=False)
        return {"y": tf.cast(y, tf.float32)}

    save_function(folder, normalized, floats(shape=(None, 4, 4, 3)))


@model
def newer_quantization(folder):
    """Quantization with a scale, in the operation of newer releases."""

    def quantized(x):
        whole = tf.raw_ops.UniformQuantize(
            input=x, scales=0.1, zero_points=0, Tout=tf.qint8, quantization_min_val=-128,
            quantization_max_val=127, quantization_axis=-1,
        )  # fmt: skip
        return {"y": tf.bitcast(whole, tf.int8)}

    save_function(folder, quantized, floats())


if __name__ == "__main__":
    for each in sys.argv[2:]:
        MODELS[each](str(Path(sys.argv[1]) / each))
