"""Write a model whose signatures restrict what they take: ``wanting_models.py FOLDER``."""

import sys

import tensorflow as tf


class Wanting(tf.Module):
    """One function for each kind of input that must have a form."""

    def __init__(self):
        super().__init__()
        self.vectors = tf.Variable(tf.random.stateless_normal([7, 3], [1, 2]))
        keys, values = tf.constant(["ant", "bee", "cow"]), tf.constant([1, 2, 3], tf.int64)
        self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), -1)

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.int64, name="ids")])
    def embedding(self, ids):
        return {"y": tf.gather(self.vectors, ids)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="words")])
    def words(self, words):
        return {"y": self.table.lookup(words)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="codes")])
    def pattern(self, codes):
        return {"y": tf.strings.regex_full_match(codes, r"[A-Z]{2}-(\d+|none)")}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def examples(self, examples):
        wanted = {
            "age": tf.io.FixedLenFeature([2], tf.float32),
            "word": tf.io.FixedLenFeature([], tf.string),
            "tags": tf.io.VarLenFeature(tf.int64),
        }
        found = tf.io.parse_example(examples, wanted)
        tags = tf.sparse.reduce_sum(tf.cast(found["tags"], tf.float32), axis=1)
        return {"age": found["age"], "word": self.table.lookup(found["word"]), "tags": tags}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="sequences")])
    def sequences(self, sequences):
        context = {"word": tf.io.FixedLenFeature([], tf.string), "tags": tf.io.VarLenFeature(tf.int64)}
        steps = {"age": tf.io.FixedLenSequenceFeature([2], tf.float32), "ids": tf.io.RaggedFeature(tf.int64)}
        found, listed, _ = tf.io.parse_sequence_example(sequences, context, steps)
        rows = tf.gather(self.vectors, listed["ids"].flat_values)
        return {"word": self.table.lookup(found["word"]), "age": listed["age"], "rows": rows}

    @tf.function(input_signature=[tf.TensorSpec([], tf.string, name="sequence")])
    def sequence(self, sequence):
        context = {"word": tf.io.FixedLenFeature([], tf.string)}
        steps = {"age": tf.io.FixedLenSequenceFeature([2], tf.float32)}
        found, listed = tf.io.parse_single_sequence_example(sequence, context, steps)
        return {"word": self.table.lookup(found["word"]), "age": listed["age"]}

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="numbers")])
    def numbers(self, numbers):
        return {"y": tf.gather(self.vectors, tf.cast(numbers, tf.int32))}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="pictures")])
    def jpeg(self, pictures):
        def decoded(text):
            return tf.image.resize(tf.io.decode_jpeg(text, channels=3), [8, 8])

        return {"y": tf.map_fn(decoded, pictures, fn_output_signature=tf.float32)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="pictures")])
    def png(self, pictures):
        def decoded(text):
            image = tf.io.decode_png(tf.io.decode_base64(text), channels=3)
            return tf.image.resize(image, [8, 8])

        return {"y": tf.map_fn(decoded, pictures, fn_output_signature=tf.float32)}


def main(folder):
    model = Wanting()
    names = ("embedding", "words", "pattern", "examples", "sequences", "sequence", "numbers", "jpeg", "png")
    tf.saved_model.save(model, folder, signatures={name: getattr(model, name) for name in names})


if __name__ == "__main__":
    main(sys.argv[1])
