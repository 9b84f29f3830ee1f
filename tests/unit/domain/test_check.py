from __future__ import annotations

import pytest
from savedmodel_matrix.domain.check import PARTS, RECIPES, Check
from savedmodel_matrix.probe.checks import CHECKS


@pytest.mark.parametrize("check", Check)
def test_the_probe_knows_every_check_that_is_its_own(check):
    recipe = RECIPES[check]
    assert recipe.time_factor >= 1
    assert bool(recipe.parameters) is (check in PARTS) is (check.value in CHECKS)
