"""Write SavedModels that read files outside themselves: ``python outside_models.py FOLDER``, in any release.

The files are in ``FOLDER/files``. Every model returns numbers for words.
"""

import sys
from pathlib import Path

import tensorflow as tf

WORDS = ["ant", "bee", "cat"]
SPEC = [tf.TensorSpec([None], tf.string, name="word")]


class Reading(tf.Module):
    """Says where words stand in a text, which ``read`` gets from a file."""

    def __init__(self, read, **kept):
        super().__init__()
        self.read = read
        self.kept = kept

    @tf.function(input_signature=SPEC)
    def places(self, word):
        lines = tf.strings.split(self.read(**self.kept), "\n")
        same = tf.equal(tf.expand_dims(word, 1), tf.expand_dims(lines, 0))
        return {"place": tf.argmax(tf.cast(same, tf.int32), axis=1)}


def of_lines(path):
    """Read a text line by line, as a dataset."""
    return tf.data.TextLineDataset(path).reduce(tf.constant(""), lambda text, line: text + line + "\n")


def write_table(folder, path):
    """A graph of TensorFlow 1 with a table from a file that is not declared as an asset."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        word = v1.placeholder(tf.string, [None], "word")
        line, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
        initializer = tf.lookup.TextFileInitializer(path, tf.string, line, tf.int64, number)
        place = tf.lookup.StaticHashTable(initializer, -1).lookup(word)
        info = v1.saved_model.build_tensor_info
        signature = v1.saved_model.build_signature_def(
            {"word": info(word)}, {"place": info(place)}, "tensorflow/serving/predict"
        )
        builder = v1.saved_model.Builder(str(folder))
        signatures = {"serving_default": signature}
        builder.add_meta_graph_and_variables(session, ["serve"], signatures, main_op=v1.tables_initializer())
        builder.save()


def main(folder):
    files = folder / "files"
    files.mkdir(parents=True)
    path = str(files / "words.txt")
    (files / "words.txt").write_text("\n".join(WORDS))
    write_table(folder / "table", path)
    models = {
        "inside_a_function": Reading(lambda: tf.io.read_file(path)),
        "captured": Reading(tf.io.read_file, filename=tf.constant(path)),
        "joined": Reading(
            lambda root: tf.io.read_file(tf.strings.join([root, "words.txt"], "/")),
            root=tf.constant(str(files)),
        ),
        "dataset": Reading(of_lines, path=tf.constant(path)),
        "given": Reading(lambda: tf.constant("\n".join(WORDS))),
    }
    for name, model in models.items():
        tf.saved_model.save(model, str(folder / name), signatures=model.places)
    asset = Reading(lambda asset: tf.io.read_file(asset.asset_path), asset=tf.saved_model.Asset(path))
    tf.saved_model.save(asset, str(folder / "asset"), signatures=asset.places)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
