"""Preflight: predicts from files and data, without TensorFlow, whether a model loads in an environment."""
