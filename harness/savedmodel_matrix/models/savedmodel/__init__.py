"""SavedModel directories, read without TensorFlow: what they declare, and what identifies them."""
