"""SavedModels that lie inside packages of the language's index; nothing of a package is ever executed."""
