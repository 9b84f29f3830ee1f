"""Facts about TensorFlow and Keras as data: each is stated once, with its source."""
