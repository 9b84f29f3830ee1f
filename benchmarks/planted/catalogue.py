"""All models with planted changes: those that verdicts were developed on, and those held out."""

from __future__ import annotations

from benchmarks.planted.first_models import FIRST
from benchmarks.planted.held_out import HELD_OUT

__all__ = ["FIRST", "HELD_OUT", "MODELS"]

MODELS = (*FIRST, *HELD_OUT)
