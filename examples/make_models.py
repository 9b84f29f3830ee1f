"""Train and save the example models, and save their inputs.

Run in the training environment of the article, TensorFlow 2.7 on Python 3.9, with scikit-learn and
statsmodels for their data (nothing is downloaded)::

    python examples/make_models.py [FOLDER]

Writes ``models/`` and ``inputs/`` into FOLDER, by default the folder of this script; existing models are
replaced. Prints how good each model is on held-out data, and fails with ``DegenerateError`` if a model's
outputs hardly depend on its input: such a model agrees with itself everywhere and proves nothing.

Two runs on one machine give the same files, bit for bit (fixed seeds, one thread, deterministic ops, no
oneDNN), except for the random UUIDs that Keras puts into the function names of an LSTM and a GRU.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

# Read when TensorFlow is imported, so they come first.
os.environ["TF_DETERMINISTIC_OPS"] = "1"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import numpy as np
import tensorflow as tf
from my_custom_layer import MyCustomLayer
from pipelines.article import preprocess_train
from sklearn.datasets import load_digits
from statsmodels.datasets import sunspots

layers = tf.keras.layers

SEED = 20220915
HELD_OUT_DIGITS = 360
YEARS_SEEN, YEARS_FORECAST = 22, 3  # two solar cycles of about eleven years
HELD_OUT_YEARS = 60
SUNSPOT_SCALE = 200.0  # about the largest yearly number, so that the network sees 0 to 1


class DegenerateError(Exception):
    """A trained model whose outputs do not vary enough to distinguish two environments."""


def digits() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return (images, labels) to train on and (images, labels) held out.

    Images: float32 [n, 8, 8], ink from 0 to 16. Labels: int64 [n], 0 to 9.
    """
    data = load_digits()
    images, labels = data.images.astype(np.float32), data.target.astype(np.int64)
    cut = len(images) - HELD_OUT_DIGITS
    return (images[:cut], labels[:cut]), (images[cut:], labels[cut:])


def sunspot_windows() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return (seen, following) to train on and (seen, following) held out, the latest years.

    Yearly mean sunspot numbers, float32: seen [n, 22, 1], following [n, 3].
    """
    series = sunspots.load_pandas().data["SUNACTIVITY"].to_numpy(np.float32)
    span = YEARS_SEEN + YEARS_FORECAST
    windows = np.stack([series[start : start + span] for start in range(len(series) - span + 1)])
    seen, following = windows[:, :YEARS_SEEN, None], windows[:, YEARS_SEEN:]
    # A window is held out if it forecasts a held-out year; training never sees one of those.
    cut = len(series) - HELD_OUT_YEARS - span + 1
    first = cut + YEARS_FORECAST - 1
    return (seen[:cut], following[:cut]), (seen[first:], following[first:])


def train_cnn(images: np.ndarray, labels: np.ndarray) -> tf.keras.Model:
    """Return a compiled image classifier: float32 [n, 8, 8, 1] ink to float32 [n, 10] probabilities.

    Compiled and trained by ``fit``, so the optimizer's slots are saved with it: what TensorFlow 2.16
    and later fail on (``add_slot``).
    """
    model = tf.keras.Sequential(
        [
            tf.keras.Input((8, 8, 1), name="image"),
            layers.Rescaling(1 / 16),
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax", name="probabilities"),
        ],
        name="cnn",
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images[..., None], labels, batch_size=32, epochs=15, verbose=0)
    return model


def train_rnn(seen: np.ndarray, following: np.ndarray) -> tf.keras.Model:
    """Return a compiled forecaster: float32 [n, 22, 1] sunspot numbers to float32 [n, 3], the next years'."""
    model = tf.keras.Sequential(
        [
            tf.keras.Input((YEARS_SEEN, 1), name="sunspots"),
            layers.Rescaling(1 / SUNSPOT_SCALE),
            layers.LSTM(16, return_sequences=True),
            layers.GRU(16),
            layers.Dense(YEARS_FORECAST),
            layers.Rescaling(SUNSPOT_SCALE, name="forecast"),
        ],
        name="rnn",
    )
    model.compile(tf.keras.optimizers.Adam(0.005), "mse")
    model.fit(seen, following, batch_size=16, epochs=40, verbose=0)
    return model


def train_custom_layer(pixels: np.ndarray, labels: np.ndarray) -> tf.keras.Model:
    """Return the article's model with a custom layer: float32 [n, 64] pixels to float32 [n, 10] logits.

    Never compiled, so it loads everywhere.
    """
    model = tf.keras.Sequential(
        [tf.keras.Input((64,), name="pixels"), MyCustomLayer(), layers.Dense(10, name="logits")],
        name="custom_layer",
    )
    fit(model, pixels, labels)
    return model


def train_article(scaled: np.ndarray, labels: np.ndarray) -> tf.keras.Model:
    """Return a model that expects z-scores, as the article's training makes them.

    float32 [n, 8, 8, 1], mean 0 and standard deviation 1, to float32 [n, 10] logits. As usual, nothing in the
    model says what it expects. Never compiled, so it loads everywhere.
    """
    model = tf.keras.Sequential(
        [
            tf.keras.Input((8, 8, 1), name="image"),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(10, name="logits"),
        ],
        name="article",
    )
    fit(model, scaled, labels)
    return model


def fit(model: tf.keras.Model, inputs: np.ndarray, labels: np.ndarray) -> None:
    """Train on all rows at once, in a loop that keeps the optimizer out of the saved object graph."""
    optimizer = tf.keras.optimizers.Adam(0.01)
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for _ in range(150):
        with tf.GradientTape() as tape:
            error = loss(labels, model(inputs, training=True))
        gradients = tape.gradient(error, model.variables)
        optimizer.apply_gradients(zip(gradients, model.variables))  # noqa: B905 - strict= needs Python 3.10


def run(model: tf.keras.Model, inputs: np.ndarray) -> np.ndarray:
    """Return the float32 [n, k] answers; raise ``DegenerateError`` if they hardly vary over the n rows."""
    outputs = model(inputs, training=False).numpy()
    spread = outputs.std(axis=0)
    if not np.isfinite(outputs).all() or (spread < 0.05 * np.abs(outputs).max(axis=0)).any():
        raise DegenerateError(f"{model.name}: the standard deviation over {len(outputs)} rows is {spread}")
    return outputs


def classified(model: tf.keras.Model, inputs: np.ndarray, labels: np.ndarray) -> None:
    """Print the accuracy on held-out digits; raise ``DegenerateError`` unless every class is predicted."""
    predicted = run(model, inputs).argmax(axis=1)
    if len(np.unique(predicted)) < 10:
        raise DegenerateError(f"{model.name}: only the classes {np.unique(predicted)} are ever predicted")
    say(f"{model.name}: accuracy {np.mean(predicted == labels):.3f} on {len(labels)} held-out digits")


def forecast(model: tf.keras.Model, seen: np.ndarray, following: np.ndarray) -> None:
    """Print the error on held-out years, and that of repeating the last year seen."""
    error = np.sqrt(np.mean((run(model, seen) - following) ** 2))
    repeated = np.sqrt(np.mean((seen[:, -1] - following) ** 2))
    say(f"{model.name}: rms error {error:.1f} on {len(seen)} held-out windows, {repeated:.1f} by repeating")


def say(line: str) -> None:
    """Write one line to standard output."""
    sys.stdout.write(line + "\n")


def save(model: tf.keras.Model, models: Path) -> None:
    """Save with ``model.save(...)``, like the article, in the SavedModel format, under the model's name."""
    folder = models / model.name
    shutil.rmtree(folder, ignore_errors=True)
    model.save(str(folder), save_format="tf")


def write_rest(path: Path, name: str, inputs: np.ndarray) -> None:
    """Write a TensorFlow Serving REST predict body in row form. Raises ValueError if it loses precision.

    Source of the form: https://www.tensorflow.org/tfx/serving/api_rest#predict_api
    """
    rows = [{name: [[float(str(number)) for number in step] for step in row]} for row in inputs]
    if not np.array_equal(np.array([row[name] for row in rows], np.float32), inputs):
        raise ValueError(f"{path.name}: the numbers do not survive a round trip through JSON")
    path.write_text(json.dumps({"signature_name": "serving_default", "instances": rows}) + "\n")


def _field(number: int, payload: bytes) -> bytes:
    """Return one length-delimited field of a protocol buffer on the wire."""
    length, size = bytearray(), len(payload)
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([number << 3 | 2]) + bytes(length) + bytes([size]) + payload


def _tensors(number: int, name: str, array: np.ndarray) -> bytes:
    """Return a ``map<string, TensorProto>`` field with one entry."""
    tensor = tf.make_tensor_proto(array).SerializeToString(deterministic=True)
    return _field(number, _field(1, name.encode()) + _field(2, tensor))


def write_warmup(model: tf.keras.Model, models: Path, batches: list[np.ndarray]) -> None:
    """Write the requests that TensorFlow Serving replays on loading the model, with the answers to them.

    A TFRecord of ``PredictionLog``. Its classes come with tensorflow-serving-api, which requires a different
    build of the TensorFlow package than this environment has, so the few fields are written by hand.
    Source of their numbers: tensorflow_serving/apis/{prediction_log,predict,model}.proto.
    """
    folder = models / model.name / "assets.extra"
    folder.mkdir()
    spec = _field(1, model.name.encode()) + _field(3, b"serving_default")
    with tf.io.TFRecordWriter(str(folder / "tf_serving_warmup_requests")) as records:
        for batch in batches:
            request = _field(1, spec) + _tensors(2, model.input_names[0], batch)
            answer = model(batch, training=False).numpy()
            response = _tensors(1, model.output_names[0], answer) + _field(2, spec)
            records.write(_field(6, _field(1, request) + _field(2, response)))


def main(folder: Path) -> None:
    """Make everything in ``folder``."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    models, inputs = folder / "models", folder / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    (images, labels), (unseen, truth) = digits()
    (seen, following), (recent, actual) = sunspot_windows()

    tf.keras.utils.set_random_seed(SEED)
    cnn = train_cnn(images, labels)
    classified(cnn, unseen[..., None], truth)
    save(cnn, models)
    np.savez(inputs / "cnn-1.npz", image=unseen[:16, ..., None])
    np.savez(inputs / "cnn-2.npz", image=unseen[16:21, ..., None])

    tf.keras.utils.set_random_seed(SEED)
    rnn = train_rnn(seen, following)
    forecast(rnn, recent, actual)
    save(rnn, models)
    np.savez(inputs / "rnn-1.npz", sunspots=recent[:16])
    np.savez(inputs / "rnn-2.npz", sunspots=recent[16:21])
    write_rest(inputs / "rnn-rest.json", "sunspots", recent[21:25])

    tf.keras.utils.set_random_seed(SEED)
    custom = train_custom_layer(images.reshape(-1, 64) / 16, labels)
    pixels = unseen.reshape(-1, 64) / 16
    classified(custom, pixels, truth)
    save(custom, models)
    np.savez(inputs / "custom_layer-1.npz", pixels=pixels[:16])
    np.savez(inputs / "custom_layer-2.npz", pixels=pixels[16:21])
    write_warmup(custom, models, [pixels[21:25], pixels[25:27]])

    tf.keras.utils.set_random_seed(SEED)
    article = train_article(preprocess_train({"image": images[..., None]})["image"], labels)
    classified(article, preprocess_train({"image": unseen[..., None]})["image"], truth)
    save(article, models)
    np.savez(inputs / "article.npz", image=unseen[:64, ..., None])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
