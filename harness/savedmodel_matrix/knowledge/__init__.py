"""Facts about the world, each once, as data with its source."""
