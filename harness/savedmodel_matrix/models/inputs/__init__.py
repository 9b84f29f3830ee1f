"""A case's fixed inputs: made once from files or a seed, stored as arrays, fed to every cell alike."""
