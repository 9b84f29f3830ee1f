from __future__ import annotations

import pytest

from harness.model.check import RECIPES, Check
from harness.probe.checks import CHECKS
from harness.probe.files import FRESH_PROCESS


@pytest.mark.parametrize("check", Check)
def test_the_probe_knows_every_check_that_is_its_own(check):
    recipe = RECIPES[check]
    assert recipe.time_factor >= 1
    assert (recipe.parameters is not None) is (check.value in CHECKS or check.value == FRESH_PROCESS)
