"""A case's fixed inputs: made once from files or a seed, stored as arrays, and fed to every cell."""
