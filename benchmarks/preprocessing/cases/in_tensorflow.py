"""tf.image, tf.signal and Keras's preprocessing, against each other and against Pillow."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_diabetes, load_sample_images, load_wine

from benchmarks.preprocessing.cases.register import case, strings

PHOTOS = np.stack(load_sample_images().images)
WINE = load_wine().data.astype(np.float32)
LINES = [line for line in load_diabetes().DESCR.splitlines() if len(line.split()) > 3]
WORDS = [word for line in LINES for word in line.split()]


@case("2 photos", "tf.image.resize with against without antialias", "antialias")
def tf_antialias():
    return *(tf.image.resize(PHOTOS, (224, 224), antialias=each).numpy() for each in (True, False)), PHOTOS


@case("2 photos", "Pillow bilinear against tf.image.resize as it is by default", "antialias")
def tf_pillow():
    one = [np.asarray(Image.fromarray(x).resize((224, 224), Image.Resampling.BILINEAR)) for x in PHOTOS]
    return np.stack(one).astype(np.float32), tf.image.resize(PHOTOS, (224, 224)).numpy(), PHOTOS


@case("2 photos", "tf.image.resize against TF 1's: no half-pixel centres", "align-corners")
def tf_half_pixel():
    other = tf.compat.v1.image.resize_bilinear(PHOTOS.astype(np.float32), (200, 200)).numpy()
    return tf.image.resize(PHOTOS, (200, 200)).numpy(), other, PHOTOS


@case("2 photos", "tf.image.resize against TF 1's with align_corners, in 0..1", "align-corners")
def tf_align_corners():
    other = tf.compat.v1.image.resize_bilinear(
        PHOTOS / np.float32(255), (256, 256), align_corners=True
    ).numpy()
    return tf.image.resize(PHOTOS / np.float32(255), (256, 256)).numpy(), other, PHOTOS


@case("2 photos", "area against bicubic of tf.image.resize", "resize-method")
def tf_methods():
    return *(tf.image.resize(PHOTOS, (160, 160), method=each).numpy() for each in ("area", "bicubic")), PHOTOS


@case("2 photos", "resize_with_pad against resize", "crop")
def tf_pad():
    return (
        tf.image.resize_with_pad(PHOTOS, 224, 224).numpy(),
        tf.image.resize(PHOTOS, (224, 224)).numpy(),
        PHOTOS,
    )


@case("2 photos", "resize_with_crop_or_pad against tf.image.resize", "crop|crop+resize-method")
def tf_crop():
    one = tf.image.resize_with_crop_or_pad(PHOTOS, 224, 224).numpy().astype(np.float32)
    return one, tf.image.resize(PHOTOS, (224, 224)).numpy(), PHOTOS


@case(
    "2 photos",
    "preprocess_input of ResNet against MobileNetV2's",
    "channel-order+image-normalisation|image-normalisation",
)
def tf_preprocess_input():
    x = PHOTOS[:, :96, :128].astype(np.float32)
    one = tf.keras.applications.resnet.preprocess_input(x.copy())
    return one, tf.keras.applications.mobilenet_v2.preprocess_input(x.copy())


@case("2 photos", "per_image_standardization against 0..1", "scaling|per-batch-statistics")
def tf_standardised():
    x = PHOTOS[:, :96, :128].astype(np.float32)
    return tf.image.per_image_standardization(x).numpy(), x / 255


@case("2 photos", "rgb_to_grayscale against the mean of channels", "grey-weights")
def tf_grey():
    x = PHOTOS[:, 50:150, 50:150].astype(np.float32)
    return tf.image.rgb_to_grayscale(x).numpy(), x.mean(axis=-1, keepdims=True), x


@case("2 photos", "tf.cast to uint8 against rounding first", "rounding")
def tf_cast():
    x = tf.image.resize(PHOTOS, (64, 64))
    return tf.cast(tf.round(x), tf.uint8).numpy(), tf.cast(x, tf.uint8).numpy(), x.numpy()


@case("wine", "a Normalization layer against one adapted to each batch", "per-batch-statistics")
def tf_normalization():
    layers = [tf.keras.layers.Normalization() for _ in range(2)]
    layers[0].adapt(WINE)
    layers[1].adapt(WINE[:64])
    return (*(layer(WINE[:64]).numpy() for layer in layers),)


@case(
    "descriptions",
    "TextVectorization's standardisation against lower case only",
    "punctuation|letter-case+punctuation",
)
def tf_standardise():
    punctuation = r'[!"#$%&()\*\+,-\./:;<=>?@\[\\\]^_`{|}~\']'
    one = tf.strings.regex_replace(tf.strings.lower(LINES), punctuation, "")
    return one.numpy(), tf.strings.lower(LINES).numpy()


@case("descriptions", "StringLookup with vocabularies in two orders", "vocabulary-order")
def tf_lookup():
    words = sorted(set(WORDS))
    layers = [tf.keras.layers.StringLookup(vocabulary=each) for each in (words, words[::-1])]
    return (*(layer(tf.constant(WORDS * 3)).numpy() for layer in layers),)


@case("descriptions", "StringLookup with and without a mask token", "vocabulary-offset")
def tf_mask_token():
    words = sorted(set(WORDS))
    layers = [tf.keras.layers.StringLookup(vocabulary=words, mask_token=each) for each in ("", None)]
    return (*(layer(tf.constant(WORDS)).numpy() for layer in layers),)


@case("descriptions", "pad_sequences as by default (before) against after", "padding-side")
def tf_pad_sequences():
    rows = [[len(word) for word in line.split()] for line in LINES]
    pad = tf.keras.preprocessing.sequence.pad_sequences
    return pad(rows, 24), pad(rows, 24, padding="post")


@case("2 photos", "JPEG: INTEGER_ACCURATE against INTEGER_FAST", None)
def other_dct():
    sides = []
    for method in ("INTEGER_ACCURATE", "INTEGER_FAST"):
        out = []
        for x in PHOTOS:
            data = io.BytesIO()
            Image.fromarray(x).save(data, "JPEG", quality=85)
            out.append(tf.io.decode_jpeg(data.getvalue(), dct_method=method).numpy())
        sides.append(np.stack(out))
    return tuple(sides)


@case("2 photos", "clean: tf.io.decode_png against Pillow", None)
def clean_decode():
    encoded = []
    for x in PHOTOS:
        data = io.BytesIO()
        Image.fromarray(x).save(data, "PNG")
        encoded.append(data.getvalue())
    return np.stack([tf.io.decode_png(each).numpy() for each in encoded]), PHOTOS, strings(encoded)


@case("2 photos", "clean: Pillow bilinear against tf.image.resize with antialias (within a level)", None)
def clean_within_a_level():
    one = [np.asarray(Image.fromarray(x).resize((224, 224), Image.Resampling.BILINEAR)) for x in PHOTOS]
    return (
        np.stack(one).astype(np.float32),
        tf.image.resize(PHOTOS, (224, 224), antialias=True).numpy(),
        PHOTOS,
    )


@case("wine", "clean: a Normalization layer against NumPy", None)
def clean_normalization():
    layer = tf.keras.layers.Normalization()
    layer.adapt(WINE)
    return layer(WINE).numpy(), (WINE - WINE.mean(0)) / WINE.std(0), WINE


@case("2 photos", "clean: eager against a traced function", None)
def clean_traced():
    resize = lambda x: tf.image.resize(x, (96, 96), antialias=True)
    return resize(PHOTOS).numpy(), tf.function(resize)(PHOTOS).numpy(), PHOTOS
