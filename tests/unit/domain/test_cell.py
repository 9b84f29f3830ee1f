from __future__ import annotations

import pytest
from savedmodel_matrix.domain.cell import CellId


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("tf2.9.3-py3.10-cpu", True),
        ("tf2.9*", True),
        ("*", True),
        ("*/onednn-off", True),
        ("tf2.9*/onednn-*", True),
        ("onednn-off", False),
        ("*/default", False),
        ("TF2.9*", False),
    ],
)
def test_globs_on_cells(pattern, matches):
    assert CellId("tf2.9.3-py3.10-cpu", "onednn-off").matches(pattern) is matches
