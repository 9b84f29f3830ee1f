from __future__ import annotations

import pytest
from savedmodel_matrix.domain.verdict import Verdict, worst


def test_worst_of_several():
    assert worst([Verdict.FLOAT_NOISE, Verdict.IDENTICAL]) is Verdict.FLOAT_NOISE
    assert worst([Verdict.DIVERGED, Verdict.INCOMPARABLE, Verdict.SUSPICIOUS]) is Verdict.INCOMPARABLE


def test_no_comparison_is_no_verdict():
    with pytest.raises(ValueError, match="empty"):
        worst([])
