"""SavedModels inside packages on the package index; no code of a package is ever executed."""
