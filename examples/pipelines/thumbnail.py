# /// script
# dependencies = ["numpy", "pillow"]
# ///
"""Photos as thumbnails, for the example model ``cnn``: in a separate environment with its own Pillow."""

import io

import numpy as np
from PIL import Image


def thumbnail(inputs):
    """Shrink ``photo`` into 96 x 96, grey, every twelfth pixel: float32 [n,8,8,1], 0 to 16.

    Pillow decodes at a smaller size by itself, and from 10.4 on that size is different.
    """
    images = []
    for photo in inputs["photo"]:
        image = Image.open(io.BytesIO(photo))
        image.thumbnail((96, 96))
        canvas = np.zeros((96, 96), np.float32)
        pixels = np.asarray(image.convert("L"), np.float32)
        canvas[: pixels.shape[0], : pixels.shape[1]] = pixels
        images.append(canvas[::12, ::12, np.newaxis])
    return {"image": np.stack(images) / 16}
