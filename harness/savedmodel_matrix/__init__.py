"""Run one SavedModel in many TensorFlow environments and compare the results."""
