"""Preflight: will a model load in an environment? Told from its files and from data, without TensorFlow."""
