"""Needs a package that TensorFlow brought along up to 2.15."""

import tensorflow_estimator

LOCATION = tensorflow_estimator.__name__
