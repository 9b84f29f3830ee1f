from __future__ import annotations

import pytest
from savedmodel_matrix.domain.errors import StoreError
from savedmodel_matrix.domain.selection import Request, Selection
from savedmodel_matrix.execution.round_file import RoundFile, read_round, write_round


def test_the_file_of_a_round_comes_back_as_it_was_written(plan, tmp_path):
    file = RoundFile(
        run="20260101T000000Z-abcdef",
        matrix="default",
        request=Request(selection=Selection(("a",), ("b", "c"), fresh=True), jobs=2),
        question="fixes",
        number=2,
        environments=tuple(plan.environments.values()),
        parent=None,
    )
    write_round(tmp_path / "round.json", file)
    read = read_round(tmp_path / "round.json")
    assert read == file
    assert [each.id for each in read.environments] == list(plan.environments)


def test_what_is_no_file_of_a_round_is_refused_with_advice(tmp_path):
    with pytest.raises(StoreError, match="unset SAVEDMODEL_MATRIX_RUN"):
        read_round(tmp_path / "nothing.json")
