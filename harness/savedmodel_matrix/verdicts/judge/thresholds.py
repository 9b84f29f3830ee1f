"""Verdicts by the noise floor."""

from __future__ import annotations

from savedmodel_matrix.domain.verdict import Verdict

#: Noise ratios up to the first are rounding; above the second, something real changed. Measured on
#: MobileNetV2 (field notes of this project, ``docs/verdicts.md``): oneDNN, instruction sets, Grappler and
#: XLA give 0.9 to 1.3; weights rounded to TF32 85; weights x 1.001 490; another BN epsilon 870.
NOISE = 3.0
REAL = 10.0


def judge_ratio(ratio: float) -> Verdict:
    """Return the verdict on a nonzero difference that is ``ratio`` times the noise between two runs."""
    if ratio <= NOISE:
        return Verdict.FLOAT_NOISE
    return Verdict.SUSPICIOUS if ratio <= REAL else Verdict.DIVERGED
