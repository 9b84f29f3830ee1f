"""Verdicts by the noise floor."""

from __future__ import annotations

from savedmodel_matrix.domain.thresholds import NOISE, REAL
from savedmodel_matrix.domain.verdict import Verdict


def judge_ratio(ratio: float) -> Verdict:
    """Return the verdict on a nonzero difference that is ``ratio`` times the noise between two runs."""
    if ratio <= NOISE:
        return Verdict.FLOAT_NOISE
    return Verdict.SUSPICIOUS if ratio <= REAL else Verdict.DIVERGED
