"""Write a SavedModel with a package's ops, where it is installed: ``op_models.py {scann,text} FOLDER``."""

import sys

import tensorflow as tf


def scann(folder):
    """A ScaNN index, searched by brute force (tensorflow/recommenders, issues 182, 297 and 362)."""
    import numpy as np
    from scann.scann_ops.py import scann_ops

    rows = np.random.RandomState(0).randn(300, 8).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    searcher = scann_ops.builder(rows, 5, "dot_product").score_brute_force().build()

    class Index(tf.Module):
        def __init__(self):
            super().__init__()
            self.inner = searcher.serialize_to_module()

        @tf.function(input_signature=[tf.TensorSpec([None, 8], tf.float32, name="query")])
        def serve(self, query):
            found, scores = scann_ops.searcher_from_module(self.inner).search_batched(query)
            return {"id": found, "score": scores}

    index = Index()
    options = tf.saved_model.SaveOptions(namespace_whitelist=["Scann"])
    tf.saved_model.save(index, folder, signatures={"serving_default": index.serve}, options=options)


def text(folder):
    """A fast BERT tokenizer (tensorflow/serving, issue 2064)."""
    import tensorflow_text

    words = ["[UNK]", "the", "fast", "##er", "cat", "sat", "[CLS]", "[SEP]"]
    tokenizer = tensorflow_text.FastBertTokenizer(vocab=words, lower_case_nfd_strip_accents=True)

    class Tokens(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
        def serve(self, text):
            found = tokenizer.tokenize(text)
            found = found.merge_dims(1, -1) if found.ragged_rank > 1 else found
            return {"ids": found.to_tensor(default_value=-1, shape=[None, 8])}

    tokens = Tokens()
    tokens.tokenizer = tokenizer
    tf.saved_model.save(tokens, folder, signatures=tokens.serve)


if __name__ == "__main__":
    {"scann": scann, "text": text}[sys.argv[1]](sys.argv[2])
