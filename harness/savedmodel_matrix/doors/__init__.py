"""What a person types, turned into one typed request: nox's sessions and the command line."""
