"""Makes a layer of tf.keras."""

import tensorflow as tf

LAYER = tf.keras.layers.Dense(2)
