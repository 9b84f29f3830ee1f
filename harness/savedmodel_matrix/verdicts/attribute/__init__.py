"""Tells which factors the differences between cells go with, and what would tell the rest apart. Pure."""
