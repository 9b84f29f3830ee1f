"""Write SavedModels as TensorFlow 1 did: ``python legacy_models.py FOLDER``, in any release.

Each is named by what it is there to show; most count a word up in a table, or scale a number by variables.
"""

import shutil
import sys
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

v1 = tf.compat.v1
WORDS = ["alpha", "beta", "gamma"]
MAIN_OP, LEGACY_INIT_OP = "saved_model_main_op", "legacy_init_op"


def saved(folder, name, build, tags=("serve",), as_text=False, saver=None):
    """Save the graph of ``build()``, which returns inputs, outputs and the arguments of the builder."""
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        inputs, outputs, options = build()
        session.run([v1.global_variables_initializer(), v1.local_variables_initializer()])
        info = v1.saved_model.build_tensor_info
        signature = v1.saved_model.build_signature_def(
            {key: info(tensor) for key, tensor in inputs.items()},
            {key: info(tensor) for key, tensor in outputs.items()},
            "tensorflow/serving/predict",
        )
        builder = v1.saved_model.Builder(str(folder / name))
        builder.add_meta_graph_and_variables(
            session, list(tags), {"serving_default": signature}, saver=saver and saver(), **options
        )
        builder.save(as_text=as_text)
    return folder / name


def edited(path, change):
    """Change the message of a saved model in its file."""
    file = path / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    change(model)
    file.write_bytes(model.SerializeToString())


def looked_up(initializer, main_op=True, assets=None):
    """A table over words; ``main_op`` may be left out, and the table is then in its collection only."""
    word = v1.placeholder(tf.string, [None], "word")
    table = tf.lookup.StaticVocabularyTable(initializer(), 1)
    options = {"assets_collection": assets and v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS)}
    if main_op:
        options["main_op"] = v1.tables_initializer()
    return {"word": word}, {"id": table.lookup(word)}, options


def in_graph():
    """The words, in the graph itself."""
    keys, values = tf.constant(WORDS), tf.constant([0, 1, 2], tf.int64)
    return tf.lookup.KeyValueTensorInitializer(keys, values)


def in_asset(folder):
    """The words, in a file beside the model."""
    words = folder / "words.txt"
    words.write_text("\n".join(WORDS) + "\n")
    return lambda: tf.lookup.TextFileInitializer(
        str(words),
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )


def scaled(use_resource, partitions=None, **options):
    """A number times a variable, in one piece or several."""
    x = v1.placeholder(tf.float32, [None, 6], "x")
    weights = v1.get_variable(
        "weights",
        [6, 2],
        initializer=v1.random_uniform_initializer(seed=1),
        partitioner=partitions and v1.fixed_size_partitioner(partitions),
        use_resource=use_resource,
    )
    return {"x": x}, {"y": tf.matmul(x, tf.convert_to_tensor(weights))}, options


def write_tables(folder):
    """Tables that are filled by a main operation, an older one, none, or one that fills something else."""
    saved(folder, "main_op", lambda: looked_up(in_graph))
    path = saved(folder, "legacy_init_op", lambda: looked_up(in_graph))
    edited(path, as_legacy)
    saved(folder, "no_main_op", lambda: looked_up(in_graph, main_op=False))

    def other_main_op():
        inputs, outputs, _ = looked_up(in_graph, main_op=False)
        return inputs, outputs, {"main_op": tf.no_op("nothing")}

    saved(folder, "other_main_op", other_main_op)
    gone = saved(folder, "init_op_gone", other_main_op)
    edited(gone, without_init_op)
    both = saved(folder, "both_init_ops", other_main_op)
    edited(both, add_legacy)
    path = saved(folder, "asset", lambda: looked_up(in_asset(folder), assets=True))
    shutil.copytree(str(path), str(folder / "asset_missing"))
    (folder / "asset_missing/assets/words.txt").unlink()


def as_legacy(model):
    """Name the initialisation as TensorFlow 1.0 did: in the collection ``legacy_init_op``."""
    for graph in model.meta_graphs:
        initialises = graph.collection_def[MAIN_OP].node_list.value[0]
        graph.collection_def[LEGACY_INIT_OP].node_list.value.append(initialises)
        del graph.collection_def[MAIN_OP]


def without_init_op(model):
    """Name an operation that the graph does not have."""
    for graph in model.meta_graphs:
        graph.collection_def[MAIN_OP].node_list.value[:] = ["gone"]


def add_legacy(model):
    """Add the table's own initialiser as the older kind of initialisation."""
    for graph in model.meta_graphs:
        tables = graph.collection_def["table_initializer"].node_list.value
        graph.collection_def[LEGACY_INIT_OP].node_list.value.append(tables[0])


def write_assets(folder):
    """A declared asset that nothing reads, and one that is read when the model runs."""

    def read_late():
        words = folder / "words.txt"
        words.write_text("\n".join(WORDS) + "\n")
        name = tf.constant(str(words), name="words_file")
        v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, name)
        x = v1.placeholder(tf.float32, [None], "x")
        assets = {"assets_collection": v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS)}
        return {"x": x}, {"y": x * 2.0, "content": tf.io.read_file(name)}, assets

    def unread():
        inputs, outputs, options = read_late()
        return inputs, {"y": outputs["y"]}, options

    for name, build in (("asset_read_late", read_late), ("asset_unread", unread)):
        path = saved(folder, name, build)
        (path / "assets/words.txt").unlink()


def write_variables(folder):
    """Variables in one piece, in several, in none, and some that nothing gives a value."""
    saved(folder, "partitioned", lambda: scaled(use_resource=False, partitions=3))
    saved(folder, "partitioned_resource", lambda: scaled(use_resource=True, partitions=3))
    for use_resource in (False, True):

        def unsaved(use_resource=use_resource):
            inputs, outputs, options = scaled(use_resource)
            offset = v1.get_variable(
                "offset", [2], initializer=v1.ones_initializer(), use_resource=use_resource
            )
            return inputs, {"y": outputs["y"] + offset}, options

        def saver():
            return v1.train.Saver([each for each in v1.global_variables() if "offset" not in each.name])

        kind = "resource" if use_resource else "reference"
        saved(folder, f"unsaved_{kind}", unsaved, saver=saver)

    def silent():
        inputs, outputs, options = scaled(use_resource=True)
        offset = v1.get_variable("offset", [1], initializer=v1.ones_initializer(), use_resource=True)
        return inputs, {"y": outputs["y"][:, :1] + offset}, options

    saved(folder, "unsaved_silent", silent, saver=saver)

    def local():
        inputs, outputs, _options = scaled(use_resource=True)
        count = v1.get_local_variable("count", [], initializer=v1.zeros_initializer(), use_resource=True)
        return inputs, {"y": outputs["y"] + count}, {"main_op": v1.local_variables_initializer()}

    saved(folder, "local_variable", local)

    def frozen():
        x = v1.placeholder(tf.float32, [None, 6], "x")
        return {"x": x}, {"y": tf.matmul(x, tf.constant([[0.1 * i, 1.0] for i in range(6)]))}, {}

    saved(folder, "frozen", frozen)
    saved(folder, "text", lambda: scaled(use_resource=True), as_text=True)
    saved(folder, "frozen_text", frozen, as_text=True)


def write_tags(folder):
    """Three graphs in one model, with variables they share."""
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        inputs, outputs, _ = scaled(use_resource=True)
        session.run(v1.global_variables_initializer())
        info = v1.saved_model.build_tensor_info
        signature = v1.saved_model.build_signature_def(
            {"x": info(inputs["x"])}, {"y": info(outputs["y"])}, "tensorflow/serving/predict"
        )
        builder = v1.saved_model.Builder(str(folder / "tag_sets"))
        builder.add_meta_graph_and_variables(session, ["train"], {"serving_default": signature})
        builder.add_meta_graph(["serve"], {"serving_default": signature})
        builder.add_meta_graph(["serve", "gpu"], {"serving_default": signature})
        builder.save()


def write_queues(folder):
    """Queues: that runners are to fill, that the main operation fills, that the signature itself fills."""

    def runners():
        x = v1.placeholder(tf.float32, [], "x")
        word = v1.train.string_input_producer(WORDS, shuffle=False).dequeue()
        words = v1.train.batch([word], 2)
        return {"x": x}, {"y": x * 2.0, "words": words}, {}

    saved(folder, "queue_runners", runners)

    def beside():
        inputs, outputs, options = runners()
        return inputs, {"y": outputs["y"]}, options

    saved(folder, "queue_runners_beside", beside)

    def filled_by_main_op():
        x = v1.placeholder(tf.float32, [], "x")
        queue = v1.FIFOQueue(1000, [tf.string], [[]], shared_name="words", name="words")
        fill = queue.enqueue_many([tf.constant(WORDS * 300)])
        return {"x": x}, {"y": x * 2.0, "word": queue.dequeue()}, {"main_op": fill}

    saved(folder, "queue_filled", filled_by_main_op)

    def filled_by_itself():
        x = v1.placeholder(tf.float32, [], "x")
        queue = v1.FIFOQueue(10, [tf.float32], [[]], shared_name="numbers", name="numbers")
        with tf.control_dependencies([queue.enqueue(x)]):
            return {"x": x}, {"y": queue.dequeue()}, {}

    saved(folder, "queue_self", filled_by_itself)


if __name__ == "__main__":
    v1.disable_eager_execution()
    target = Path(sys.argv[1])
    for write in (write_tables, write_assets, write_variables, write_tags, write_queues):
        write(target)
    (target / "words.txt").unlink()  # as on another machine
