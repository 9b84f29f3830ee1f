"""Nox sessions and the command line: they turn what a user types into one typed request."""
