"""Facts about TensorFlow's releases: data that a script refreshes, and a table that reads it."""
