"""The words of the project as types: what passes between the layers. Imports nothing from the rest."""
