"""Photos preprocessed for an image model with typical code: Pillow, OpenCV, scikit-image.

Each function takes ``photo``, an object array of encoded files of shape [n], and returns ``image``.
"""

import io

import numpy as np


def pillow_resize(inputs):
    """Decode, resize, 0..1: float32 [n,96,96,3]. Pillow 9.0 decodes JPEG differently from 8.4."""
    from PIL import Image

    opened = [Image.open(io.BytesIO(photo)).convert("RGB") for photo in inputs["photo"]]
    images = [np.asarray(each.resize((96, 96), 2)) for each in opened]  # 2 is bilinear in every Pillow
    return {"image": np.stack(images).astype(np.float32) / 255}


def pillow_default(inputs):
    """Resize without naming a filter: uint8 [n,96,96,3]. Nearest up to Pillow 6.2, bicubic from 7.0 on."""
    from PIL import Image

    opened = [Image.open(io.BytesIO(photo)).convert("RGB") for photo in inputs["photo"]]
    return {"image": np.stack([np.asarray(each.resize((96, 96))) for each in opened])}


def pillow_thumbnail(inputs):
    """Shrink into 96 x 96 and pad with black: uint8 [n,96,96,3].

    It decodes at a smaller size by itself, and from Pillow 10.4 on that size is different.
    """
    from PIL import Image

    images = []
    for photo in inputs["photo"]:
        image = Image.open(io.BytesIO(photo))
        image.thumbnail((96, 96))
        canvas = np.zeros((96, 96, 3), np.uint8)
        pixels = np.asarray(image.convert("RGB"))
        canvas[: pixels.shape[0], : pixels.shape[1]] = pixels
        images.append(canvas)
    return {"image": np.stack(images)}


def pillow_digit(inputs):
    """Grey, 8 x 8, 0..1, for the example model ``cnn``: float32 [n,8,8,1]."""
    from PIL import Image

    opened = [Image.open(io.BytesIO(photo)).convert("L") for photo in inputs["photo"]]
    images = [np.asarray(each.resize((8, 8), 2)) for each in opened]
    return {"image": np.stack(images)[..., np.newaxis].astype(np.float32) / 255}


def opencv_resize(inputs):
    """Decode, resize by area, RGB, 0..1: float32 [n,96,96,3]."""
    import cv2

    decoded = [cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR) for photo in inputs["photo"]]
    images = [cv2.resize(each, (96, 96), interpolation=cv2.INTER_AREA) for each in decoded]
    rgb = [cv2.cvtColor(each, cv2.COLOR_BGR2RGB) for each in images]
    return {"image": np.stack(rgb).astype(np.float32) / 255}


def opencv_nearest(inputs):
    """Resize by OpenCV's exact nearest neighbour: uint8 [n,150,150,3]. OpenCV 4.8 takes different ones."""
    import cv2

    decoded = [cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR) for photo in inputs["photo"]]
    images = [cv2.resize(each, (150, 150), interpolation=cv2.INTER_NEAREST_EXACT) for each in decoded]
    return {"image": np.stack([cv2.cvtColor(each, cv2.COLOR_BGR2RGB) for each in images])}


def skimage_resize(inputs):
    """Decode with Pillow, resize with scikit-image: float32 [n,96,96,3], 0..1."""
    from PIL import Image
    from skimage.transform import resize

    opened = [np.asarray(Image.open(io.BytesIO(photo)).convert("RGB")) for photo in inputs["photo"]]
    return {"image": np.stack([resize(each, (96, 96)) for each in opened]).astype(np.float32)}


def skimage_blur(inputs):
    """Blur and take every fourth pixel: float32 [n,h/4,w/4,3]. Before 0.22 the channels blur too."""
    from PIL import Image
    from skimage.filters import gaussian

    opened = [np.asarray(Image.open(io.BytesIO(photo)).convert("RGB")) for photo in inputs["photo"]]
    return {"image": np.stack([gaussian(each, sigma=1.5)[::4, ::4] for each in opened]).astype(np.float32)}


def keras_resize(inputs):
    """Decode with TensorFlow, resize whole numbers with Keras: float32 [n,96,96,3].

    Keras 2 returns fractions, Keras 3 whole numbers: truncated at first, rounded in later releases.
    """
    import tensorflow as tf

    decoded = [tf.io.decode_jpeg(photo, channels=3) for photo in inputs["photo"]]
    layer = tf.keras.layers.Resizing(96, 96)
    return {"image": np.concatenate([layer(each[tf.newaxis]) for each in decoded]).astype(np.float32)}
