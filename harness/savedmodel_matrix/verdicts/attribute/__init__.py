"""Finds the factors that explain differences between cells, and cells that would tell more. Pure."""
