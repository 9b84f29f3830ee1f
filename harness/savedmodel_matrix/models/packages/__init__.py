"""SavedModels inside packages of the Python index. No code of a package is ever executed."""
