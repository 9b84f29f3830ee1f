"""Families of corrections: each module's ``propose`` yields those that a pair of arrays may need."""
