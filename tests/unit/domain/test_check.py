from __future__ import annotations

import pytest
from savedmodel_matrix.domain.check import RECIPES, Check
from savedmodel_matrix.probe.checks import CHECKS
from savedmodel_matrix.probe.exchange import FRESH_PROCESS


@pytest.mark.parametrize("check", Check)
def test_the_probe_knows_every_check_that_is_its_own(check):
    recipe = RECIPES[check]
    assert recipe.time_factor >= 1
    assert (recipe.parameters is not None) is (check.value in CHECKS or check.value == FRESH_PROCESS)
