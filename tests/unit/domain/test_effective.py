from __future__ import annotations

import pytest
from recordings import recording
from savedmodel_matrix.domain.effective import Effective
from savedmodel_matrix.domain.recording import Recording

KERAS = {"from": "keras", "version": "3.15.1", "major": 3}


@pytest.mark.parametrize("reported", [{}, {"python": "3.11.7", "seed": None}, {"keras": KERAS, "gpus": []}])
def test_what_was_not_reported_is_not_either_once_it_is_read_again(reported):
    written = recording(effective=reported).model_dump_json(by_alias=True)
    found = Recording.model_validate_json(written).effective
    assert found == Effective.model_validate(reported)
    assert found.model_fields_set == set(reported)
