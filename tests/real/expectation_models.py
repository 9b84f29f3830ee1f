"""Write SavedModels that prepare their inputs themselves: ``python expectation_models.py FOLDER``.

With Keras 2 they are saved with their metadata, with Keras 3 exported without any.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

layers = tf.keras.layers


def learned(inputs, prepared):
    """A model that prepares its inputs and then does what was learned."""
    if len(prepared.shape) == 4:
        prepared = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(prepared))
    return tf.keras.Model(inputs, layers.Dense(2)(prepared))


def keras_models():
    """Keras models by the name of their folder."""
    image = tf.keras.Input((None, None, 3), name="image")
    resized = layers.Resizing(24, 24, interpolation="bicubic")(image)
    yield "rescaling", learned(image, layers.Rescaling(1 / 127.5, offset=-1)(resized))
    image = tf.keras.Input((16, 16, 3), name="image")
    imagenet = layers.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.229**2, 0.224**2, 0.225**2])
    yield "imagenet", learned(image, imagenet(layers.Rescaling(1 / 255)(image)))
    adapted = layers.Normalization()
    adapted.adapt(np.float32([[1, 100], [3, 300]]))
    row = tf.keras.Input((2,), name="row")
    yield "adapted", learned(row, adapted(row))
    image = tf.keras.Input((16, 16, 3), name="image")
    yield "plain", learned(image, image)


class Module(tf.Module):
    """Preprocessing without Keras."""

    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(tf.ones((3, 3, 3, 2)))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "files")])
    def files(self, files):
        """Decode files, and resize and scale what is in them."""
        images = tf.map_fn(self.decoded, files, fn_output_signature=tf.float32)
        return {"y": tf.nn.conv2d((images - 127.5) / 127.5, self.kernel, 1, "SAME")}

    def decoded(self, file):
        """Decode one file to 24 x 24."""
        return tf.image.resize(tf.io.decode_jpeg(file, channels=3), (24, 24), antialias=True)

    @tf.function(input_signature=[tf.TensorSpec([None, 3, None, None], tf.float32, "planes")])
    def planes(self, planes):
        """Take planes of RGB, and turn them into BGR without its mean."""
        images = tf.transpose(planes, [0, 2, 3, 1])[..., ::-1] - [103.939, 116.779, 123.68]
        return {"y": tf.nn.conv2d(images, self.kernel, 1, "SAME")}


folder = Path(sys.argv[1])
for name, model in keras_models():
    if int(tf.version.VERSION.split(".")[1]) >= 16:
        model.export(str(folder / name))
    else:
        model.save(str(folder / name))
module = Module()
signatures = {"files": module.files, "planes": module.planes}
tf.saved_model.save(module, str(folder / "module"), signatures=signatures)
