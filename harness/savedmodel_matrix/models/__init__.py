"""Read a SavedModel, predict from its files, make inputs, and fetch models out of packages."""
