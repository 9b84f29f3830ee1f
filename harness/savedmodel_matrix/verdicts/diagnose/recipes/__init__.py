"""Diagnoses from the raw input: both sides are recomputed, and the difference of their recipes is named."""
