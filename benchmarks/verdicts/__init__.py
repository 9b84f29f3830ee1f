"""Verdicts on known changes: planted changes must be detected, and benign ones must not."""
