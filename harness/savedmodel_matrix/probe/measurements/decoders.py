"""JPEG files decoded again by each decoder that a stage has loaded.

Decoders are free in their inverse cosine transform and in how they enlarge the colour planes, so two of them
differ by a few levels. Only the libraries of the environment itself can tell what theirs make.
"""

import io
import sys

import numpy as np

from .. import arrays

_JPEG = b"\xff\xd8"
#: No more files are decoded than are enough to tell decoders apart, and no more pixels are stored.
_MOST_FILES, _MOST_PIXELS = 8, 4000000


def decoded(objects, number, given):
    """Return the JPEG files of one batch as ``[{"batch", "name", "decoder", "file", "array"}]``.

    Arrays are uint8 [height, width, 3] in the order red, green, blue, as the files store them: not turned by
    EXIF. A decoder that fails is left out, and so are inputs that are anything but JPEG files.
    """
    found = []
    for name, array in sorted(given.items()):
        files = array.tolist() if array.dtype == object and array.ndim == 1 else []
        if not files or not all(isinstance(data, bytes) and data.startswith(_JPEG) for data in files):
            continue
        for decoder, decode in _decoders():
            pixels, made = 0, []
            for at, data in enumerate(files[:_MOST_FILES]):
                # A decoder refuses a file in an error class of its library.
                try:
                    image = np.ascontiguousarray(decode(data), np.uint8)
                except Exception:
                    made = []
                    break
                pixels += image.shape[0] * image.shape[1]
                if image.ndim != 3 or image.shape[2] != 3 or pixels > _MOST_PIXELS:
                    break
                made.append({"batch": number, "name": name, "decoder": decoder, "file": at, "array": image})
            for each in made:
                each["array"] = arrays.write_array(objects, each["array"], "uint8")
            found += made
    return found


def _decoders():
    """Yield the name and the function of each decoder whose library is loaded."""
    if "PIL.Image" in sys.modules:
        yield "Pillow", _by_pillow
    if "cv2" in sys.modules:
        yield "OpenCV", _by_opencv
    if "imageio" in sys.modules:
        yield "imageio", _by_imageio
    tf = sys.modules.get("tensorflow")
    if tf is not None:
        for dct in ("INTEGER_FAST", "INTEGER_ACCURATE"):
            for fancy in (True, False):
                name = "tf.io.decode_jpeg with dct_method='{}'{}".format(
                    dct, "" if fancy else " and fancy_upscaling=False"
                )
                yield name, _by_tensorflow(tf, dct, fancy)


def _by_pillow(data):
    image = sys.modules["PIL.Image"].open(io.BytesIO(data))
    return np.asarray(image.convert("RGB"))


def _by_opencv(data):
    cv2 = sys.modules["cv2"]
    how = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    return cv2.imdecode(np.frombuffer(data, np.uint8), how)[..., ::-1]


def _by_imageio(data):
    imageio = sys.modules["imageio"]
    # Releases from 2.16 on keep the older interface under a name of its own.
    reader = getattr(imageio, "v2", imageio)
    return np.asarray(reader.imread(data, format="jpg"))


def _by_tensorflow(tf, dct, fancy):
    def decode(data):
        return tf.io.decode_jpeg(data, channels=3, dct_method=dct, fancy_upscaling=fancy).numpy()

    return decode
