"""Stages whose faults show only by running them again, or by decoding their files again."""

import hashlib
import io
import itertools
import os
import time
from datetime import datetime, timezone

import cv2
import imageio.v3
import numpy as np
import tensorflow as tf
from PIL import Image

SAVED = np.linspace(0, 400, 21)


def _x(values):
    return {"x": np.ascontiguousarray(values, np.float32)}


def ranked_saved(inputs):
    return _x(np.stack([np.interp(column, SAVED, np.linspace(0, 1, 21)) for column in inputs["table"].T], 1))


def ranked_batch(inputs):
    table = inputs["table"]
    return _x(np.argsort(np.argsort(table, 0), 0) / max(len(table) - 1, 1))


def _counts(inputs):
    words = ["ash", "birch", "cedar", "elm", "fir", "oak", "pine", "yew"]
    return np.array([[text.decode().split().count(word) for word in words] for text in inputs["text"]], float)


def weighted_saved(inputs):
    return _x(_counts(inputs) * np.array([1.2, 1.9, 1.4, 2.1, 1.1, 1.6, 1.3, 2.4]))


def weighted_batch(inputs):
    counts = _counts(inputs)
    return _x(counts * (1 + np.log((1 + len(counts)) / (1 + (counts > 0).sum(0)))))


def filled_saved(inputs):
    return _x(np.where(np.isnan(inputs["readings"]), 20.0, inputs["readings"]))


def filled_forward(inputs):
    readings = inputs["readings"].copy()
    readings[0] = np.where(np.isnan(readings[0]), 20.0, readings[0])
    for before, row in itertools.pairwise(readings):
        row[np.isnan(row)] = before[np.isnan(row)]
    return _x(readings)


def own_mean(inputs):
    table = inputs["table"]
    return _x(
        (table - table.mean(1, keepdims=True))
        @ np.linspace(-1, 1, table.shape[1] ** 2).reshape(-1, table.shape[1])
    )


def own_mean_by_row(inputs):
    weights = np.linspace(-1, 1, inputs["table"].shape[1] ** 2).reshape(-1, inputs["table"].shape[1])
    return _x([(row - row.mean()) @ weights for row in inputs["table"]])


def _agents(inputs):
    return [text.decode() for text in inputs["agent"]]


def crossed_hash(inputs):
    return _x([[hash((each, len(each))) % 97, len(each)] for each in _agents(inputs)])


def crossed_digest(inputs):
    return _x([[int(hashlib.md5(each.encode()).hexdigest(), 16) % 97, len(each)] for each in _agents(inputs)])


def set_order(inputs):
    table = {word: at for at, word in enumerate(set(_agents(inputs)))}
    return _x([[table[each], len(each)] for each in _agents(inputs)])


def sorted_order(inputs):
    table = {word: at for at, word in enumerate(sorted(set(_agents(inputs))))}
    return _x([[table[each], len(each)] for each in _agents(inputs)])


def local_hour(inputs):
    times = [datetime.fromtimestamp(int(each)) for each in inputs["epoch"]]
    return _x([[each.hour, each.weekday()] for each in times])


def utc_hour(inputs):
    times = [datetime.fromtimestamp(int(each), timezone.utc) for each in inputs["epoch"]]
    return _x([[each.hour, each.weekday()] for each in times])


def mktime_hour(inputs):
    written = [time.strptime(time.strftime("%c", time.gmtime(int(each))), "%c") for each in inputs["epoch"]]
    return _x([[time.mktime(each) // 3600 % 24, each.tm_wday] for each in written])


def folder_seed(inputs):
    seed = int(hashlib.md5(os.getcwd().encode()).hexdigest(), 16) % 2**32
    return _x(inputs["table"] + np.random.default_rng(seed).normal(size=inputs["table"].shape))


def fixed_seed(inputs):
    return _x(inputs["table"] + np.random.default_rng(3).normal(size=inputs["table"].shape))


def one_part_per_thread(inputs):
    parts = np.array_split(inputs["table"], int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count()))
    return _x(np.concatenate([part - part.mean(0) if len(part) else part for part in parts]))


def one_part(inputs):
    return _x(inputs["table"] - inputs["table"].mean(0))


def _decoded(inputs, decode):
    return _x(np.stack([decode(each) for each in inputs["photo"]]))


def _pillow(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def _opencv(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def _small(image):
    return cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA)


def pillow(inputs):
    return _decoded(inputs, _pillow)


def opencv(inputs):
    return _decoded(inputs, _opencv)


def imageio_v3(inputs):
    return _decoded(inputs, lambda data: imageio.v3.imread(data, extension=".jpg"))


def tensorflow_default(inputs):
    return _decoded(inputs, lambda data: tf.io.decode_jpeg(data, channels=3).numpy())


def opencv_small_unit(inputs):
    return _x(_decoded(inputs, lambda data: _small(_opencv(data)))["x"] / 255)


def tensorflow_small_unit(inputs):
    return _x(_decoded(inputs, lambda data: _small(tf.io.decode_jpeg(data, channels=3).numpy()))["x"] / 255)


def tensorflow_plain_upscaling(inputs):
    return _decoded(
        inputs,
        lambda data: tf.io.decode_jpeg(
            data, channels=3, fancy_upscaling=False, dct_method="INTEGER_ACCURATE"
        ).numpy(),
    )
