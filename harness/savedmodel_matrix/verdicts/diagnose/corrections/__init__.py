"""Corrections by family: each module's ``propose`` yields those that an array pair may need."""
