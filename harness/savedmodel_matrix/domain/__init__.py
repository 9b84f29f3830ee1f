"""The words of the project as types. Imports nothing from the rest but the probe's own constants."""
