"""Make the SavedModels of the held-out part.

``python -m benchmarks.planted.make_held_out FOLDER`` with the Python of a TensorFlow 2.9.3 environment writes
one folder per model, which newer releases load as well. All weights come from fixed seeds.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.planted.make_models import held_variables


def main(folder: str) -> int:
    """Make every model and return how many there are."""
    tf = importlib.import_module("tensorflow")
    for name, make in MODELS.items():
        tf.keras.utils.set_random_seed(11)
        module, call, specs = make(tf, np.random.RandomState(11))
        signature = tf.function(call, input_signature=specs)
        tf.saved_model.save(module, str(Path(folder) / name), signature.get_concrete_function())
    return len(MODELS)


def _floats(tf: Any, name: str, *shape: int) -> list[Any]:  # noqa: ANN401
    return [tf.TensorSpec([None, *shape], tf.float32, name=name)]


def _stateful(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """An LSTM that carries its state from call to call."""
    held = held_variables(tf, random, head=(24, 3))
    held.lstm = tf.keras.layers.LSTM(24, stateful=True, return_sequences=True, batch_input_shape=(4, 12, 6))
    held.lstm(np.zeros((4, 12, 6), "f4"))
    held.lstm.reset_states()
    held.state = held.lstm.states

    def call(x: Any) -> Any:  # noqa: ANN401
        return {"y": tf.einsum("btc,cd->btd", held.lstm(x), held.head)}

    return held, call, [tf.TensorSpec([4, 12, 6], tf.float32, name="x")]


def _dropout(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """Dropout left on, with a seed from Keras's global one, and an output that it does not reach."""
    held = held_variables(tf, random, one=(20, 64), two=(64, 8), three=(64, 5))

    def call(x: Any) -> Any:  # noqa: ANN401
        h = tf.nn.relu(x @ held.one)
        return {"dropped": tf.nn.dropout(h, 0.3) @ held.two, "plain": h @ held.three}

    return held, call, _floats(tf, "x", 20)


def _counts(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """Whole numbers only: labels, bins, counts and the places of the largest."""
    held = held_variables(tf, random, one=(20, 32), two=(32, 12))

    def call(x: Any) -> Any:  # noqa: ANN401
        h = tf.tanh(x @ held.one)
        scores = h @ held.two
        bins = tf.floor(tf.multiply(h[:, :8], tf.constant(10.0, name="bins"), name="binned"))
        return {
            "label": tf.argmax(scores, -1),
            "bins": tf.cast(bins, tf.int32),
            "count": tf.reduce_sum(tf.cast(h > 0.2, tf.int32), -1),
            "top": tf.math.top_k(scores, 3).indices,
        }

    return held, call, _floats(tf, "x", 20)


def _suppression(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """A detector that ends in non-maximum suppression: boxes, scores, classes and their number."""
    held = held_variables(tf, random, trunk=(40, 64), box=(64, 120), score=(64, 150))

    def call(x: Any) -> Any:  # noqa: ANN401
        h = tf.nn.elu(x @ held.trunk)
        corner = tf.sigmoid(tf.reshape(h @ held.box, [-1, 30, 1, 4]))
        low, size = corner[..., :2], 0.1 + 0.3 * corner[..., 2:]
        boxes, scores, classes, number = tf.image.combined_non_max_suppression(
            tf.concat([low, low + size], -1),
            tf.sigmoid(tf.reshape(h @ held.score, [-1, 30, 5])),
            max_output_size_per_class=8,
            max_total_size=20,
            iou_threshold=tf.constant(0.5, name="overlap"),
            score_threshold=0.4,
            clip_boxes=False,
        )
        return {"boxes": boxes, "scores": scores, "classes": classes, "number": number}

    return held, call, _floats(tf, "x", 40)


def _tags(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """Forty independent tags, most of which a steep sigmoid makes 0 or 1."""
    held = held_variables(tf, random, one=(32, 64), two=(64, 40))

    def call(x: Any) -> Any:  # noqa: ANN401
        return {"tags": tf.sigmoid(60 * (tf.nn.elu(x @ held.one, name="elu") @ held.two))}

    return held, call, _floats(tf, "x", 32)


def _dead(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """A network whose activations are all zero, so that it always answers with its last bias."""
    held = held_variables(tf, random, one=(16, 32), two=(32, 6), bias=(6,))

    def call(x: Any) -> Any:  # noqa: ANN401
        return {"y": tf.nn.relu(x @ held.one - 50.0, name="dead") @ held.two + held.bias}

    return held, call, _floats(tf, "x", 16)


def _ragged(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """A GRU over sequences of different lengths, given as their values and their lengths."""
    held = held_variables(tf, random, head=(16, 4))
    held.gru = tf.keras.layers.GRU(16, return_sequences=True)
    held.gru(np.zeros((1, 2, 8), "f4"))

    def call(values: Any, lengths: Any) -> Any:  # noqa: ANN401
        padded = tf.RaggedTensor.from_row_lengths(values, lengths).to_tensor()
        mask = tf.sequence_mask(lengths, tf.shape(padded)[1])
        h = held.gru(padded, mask=mask)
        each = tf.boolean_mask(h, mask)
        return {"last": h[:, -1], "each": tf.tanh(each @ held.head, name="squashed")}

    lengths = tf.TensorSpec([None], tf.int32, name="lengths")
    return held, call, [*_floats(tf, "values", 8), lengths]


def _transformer(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """A causal block with layer normalisation, two heads and tied embeddings, from tokens to the next one."""
    shapes = dict.fromkeys(("query", "key", "value", "out"), (32, 32))
    held = held_variables(tf, random, words=(50, 32), places=(16, 32), up=(32, 64), down=(64, 32), **shapes)
    held.words.assign(held.words * 5)

    def normal(x: Any, name: str) -> Any:  # noqa: ANN401
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        return (x - mean) * tf.math.rsqrt(tf.add(variance, 1e-5, name=name))

    def call(tokens: Any) -> Any:  # noqa: ANN401
        x = tf.gather(held.words, tokens) + held.places
        h = normal(x, "first_epsilon")
        q, k, v = (
            tf.reshape(tf.einsum("btc,cd->btd", h, each), [-1, 16, 2, 16])
            for each in (held.query, held.key, held.value)
        )
        later = tf.constant(np.triu(np.full((16, 16), -1e9, "f4"), 1), name="later")
        score = tf.einsum("bqhd,bkhd->bhqk", q, k) / 4 + later
        mixed = tf.einsum("bhqk,bkhd->bqhd", tf.nn.softmax(score), v)
        x += tf.einsum("btc,cd->btd", tf.reshape(mixed, [-1, 16, 32]), held.out)
        h = tf.nn.gelu(tf.einsum("btc,cd->btd", normal(x, "second_epsilon"), held.up))
        x += tf.einsum("btc,cd->btd", h, held.down)
        logits = tf.einsum("btc,wc->btw", normal(x, "last_epsilon"), held.words)
        return {"logits": logits, "next": tf.argmax(logits[:, -1], -1)}

    return held, call, [tf.TensorSpec([None, 16], tf.int32, name="tokens")]


def _recommender(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """Users by name and items by number: scores, and the names of the best three."""
    held = held_variables(tf, random, users=(31, 24), items=(200, 24), bias=(200,))
    users = tf.constant([f"user-{number}" for number in range(30)])
    made = tf.lookup.KeyValueTensorInitializer(users, tf.range(1, 31, dtype=tf.int64))
    held.table = tf.lookup.StaticHashTable(made, 0)

    def call(user: Any, items: Any) -> Any:  # noqa: ANN401
        wanted = tf.gather(held.users, held.table.lookup(user))
        scores = tf.einsum("bc,bic->bi", wanted, tf.gather(held.items, items)) + tf.gather(held.bias, items)
        names = tf.constant([f"item {number}" for number in range(200)], name="names")
        best = tf.gather(items, tf.math.top_k(scores, 3).indices, batch_dims=1)
        return {"scores": scores, "best": tf.gather(names, best)}

    specs = [([None], tf.string, "user"), ([None, 12], tf.int64, "items")]
    return held, call, [tf.TensorSpec(shape, dtype, name=name) for shape, dtype, name in specs]


def _autoencoder(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """Images of 8 bits to a code and back to images of 8 bits."""
    held = held_variables(tf, random, one=(3, 3, 3, 16), two=(3, 3, 16, 8), three=(3, 3, 16, 8))
    held.four = tf.Variable(random.normal(0, 0.15, (3, 3, 3, 16)).astype("f4"), name="four")

    def call(image: Any) -> Any:  # noqa: ANN401
        x = tf.multiply(image, tf.constant(1 / 255, name="pixel"))
        h = tf.nn.relu(tf.nn.conv2d(x, held.one, 2, "SAME"))
        code = tf.nn.conv2d(h, held.two, 2, "SAME")
        batch = tf.shape(image)[0]
        h = tf.nn.conv2d_transpose(code, held.three, tf.stack([batch, 8, 8, 16]), 2)
        h = tf.nn.conv2d_transpose(tf.nn.relu(h), held.four, tf.stack([batch, 16, 16, 3]), 2)
        return {"code": code, "image": tf.cast(tf.round(255 * tf.sigmoid(4 * h)), tf.uint8)}

    return held, call, _floats(tf, "image", 16, 16, 3)


def _forecast(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """Six steps ahead, one after the other, of three series of a million, of one and of a thousandth."""
    held = held_variables(tf, random, one=(72, 48), two=(48, 3))
    held.mean = tf.Variable([2e6, 3.0, 4e-3], name="mean")
    held.deviation = tf.Variable([1e6, 1.0, 1e-3], name="deviation")

    def call(x: Any) -> Any:  # noqa: ANN401
        window = (x - held.mean) / held.deviation
        for _ in range(6):
            h = tf.tanh(tf.reshape(window[:, -24:], [-1, 72]) @ held.one)
            window = tf.concat([window, (h @ held.two)[:, tf.newaxis]], 1)
        return {"ahead": window[:, 24:] * held.deviation + held.mean}

    return held, call, _floats(tf, "x", 24, 3)


def _mixed(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """Keras's mixed precision: convolutions and batch normalisation in float16, the last layer in float32."""
    policy = tf.keras.mixed_precision.Policy("mixed_float16")
    held = held_variables(tf, random, head=(24, 7))
    held.one = tf.keras.layers.Conv2D(16, 3, padding="same", dtype=policy)
    held.norm = tf.keras.layers.BatchNormalization(dtype=policy)
    held.two = tf.keras.layers.Conv2D(24, 3, strides=2, padding="same", activation="relu", dtype=policy)
    held.norm.build([None, 20, 20, 16])
    held.norm.moving_variance.assign(random.uniform(0.05, 0.5, 16))
    held.norm.moving_mean.assign(random.normal(0, 0.2, 16))

    def call(photo: Any) -> Any:  # noqa: ANN401
        h = held.two(tf.nn.relu(held.norm(held.one(photo), training=False)))
        return {"logits": tf.cast(tf.reduce_mean(h, [1, 2]), tf.float32) @ held.head}

    return held, call, _floats(tf, "photo", 20, 20, 3)


def _trees(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """Forty trees of depth 4: the sum of their leaves, and which leaves these are."""
    held = held_variables(tf, random, leaves=(40, 16), limits=(40, 4))
    held.limits.assign(random.normal(0, 0.7, (40, 4)).astype("f4"))
    which = random.randint(0, 10, (40, 4))

    def call(x: Any) -> Any:  # noqa: ANN401
        taken = tf.gather(x, tf.constant(which, tf.int32, name="which"), axis=1)
        steps = tf.cast(taken > held.limits, tf.int32) * tf.constant([8, 4, 2, 1])
        leaf = tf.reduce_sum(steps, -1)
        values = tf.gather(held.leaves, tf.transpose(leaf), batch_dims=1)
        return {"score": tf.reduce_sum(values, 0), "leaf": leaf}

    return held, call, _floats(tf, "x", 10)


def _sketch(tf: Any, random: Any) -> Any:  # noqa: ANN401
    """A projection onto random directions that a seed in the graph decides."""
    held = held_variables(tf, random, one=(48, 6))

    def call(x: Any) -> Any:  # noqa: ANN401
        seed = tf.constant([5, 8], name="seed")
        directions = tf.random.stateless_normal([36, 48], seed)
        return {"y": tf.cos(x @ directions) @ held.one}

    return held, call, _floats(tf, "x", 36)


MODELS = {
    "stateful": _stateful,
    "dropout": _dropout,
    "counts": _counts,
    "suppression": _suppression,
    "tags": _tags,
    "dead": _dead,
    "ragged": _ragged,
    "transformer": _transformer,
    "recommender": _recommender,
    "autoencoder": _autoencoder,
    "forecast": _forecast,
    "mixed": _mixed,
    "trees": _trees,
    "sketch": _sketch,
}


if __name__ == "__main__":
    print("made", main(sys.argv[1]))  # noqa: T201 - the answer to the bench
