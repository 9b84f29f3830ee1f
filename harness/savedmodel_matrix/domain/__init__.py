"""The project's vocabulary as types. Imports nothing else of ours except the probe's constants."""
