"""Read SavedModels, predict from their files, make inputs, and fetch models from packages."""
