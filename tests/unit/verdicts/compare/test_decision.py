from __future__ import annotations

import math

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from savedmodel_matrix.verdicts.compare.decision import RowDecisions

FEW = st.sampled_from([0.0, -0.0, 1.0, 2.0, math.nan, math.inf, -math.inf])


@settings(deadline=None)
@given(st.data(), st.integers(0, 5), st.integers(2, 9), st.integers(1, 12))
def test_changed_iff_an_argmax_moved_however_blocks_cut(data, rows, width, block):
    a, b = (data.draw(hnp.arrays(float, (rows, width), elements=FEW)) for _ in range(2))
    if data.draw(st.booleans()):
        b[: rows // 2] = a[: rows // 2]
    decisions = RowDecisions(width)
    for start in range(0, a.size, block):
        left, right = (array.reshape(-1)[start : start + block] for array in (a, b))
        decisions.add(start, left, right, equal=left.tobytes() == right.tobytes())
    assert decisions.changed == bool((a.argmax(axis=1) != b.argmax(axis=1)).any())


@pytest.mark.parametrize(
    ("a", "b", "changed"),
    [
        ([1.0, 1.0, 0.0], [1.0, 0.9, 0.0], False),  # the first of the tied is still chosen
        ([1.0, 1.0, 0.0], [0.9, 1.0, 0.0], True),
        ([0.0, math.nan, 1.0], [0.0, 2.0, 1.0], False),
        ([0.0, math.nan, 1.0], [0.0, 0.5, 1.0], True),
        ([math.nan, 0.0, 1.0], [math.nan, 1.0, 0.0], False),
    ],
)
def test_ties_and_nan(a, b, changed):
    decisions = RowDecisions(3)
    decisions.add(0, np.array(a), np.array(b), equal=False)
    assert decisions.changed == changed
