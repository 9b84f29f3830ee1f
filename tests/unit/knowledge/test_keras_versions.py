from __future__ import annotations

import pytest
from savedmodel_matrix.knowledge.keras_versions import (
    LEGACY_VARIABLE,
    can_pin_keras,
    comes_with_keras_3,
    wants_legacy,
)
from savedmodel_matrix.knowledge.releases import ReleaseTable
from savedmodel_matrix.probe import effective


@pytest.mark.parametrize(
    ("tensorflow", "keras", "possible"),
    [("2.15.1", "3.0.5", False), ("2.16.2", "3.0.5", True), ("2.16.2", "2.15.0", False)],
)
def test_a_keras_can_be_chosen_where_keras_3_is_a_package(tensorflow, keras, possible):
    assert can_pin_keras(tensorflow, keras) is possible


@pytest.mark.parametrize("version", ReleaseTable.load().minor_releases())
@pytest.mark.parametrize("legacy", [None, "", "0", "1", "true", "True"])
def test_the_probe_agrees(version, legacy):
    environ = {} if legacy is None else {LEGACY_VARIABLE: legacy}
    minor = tuple(int(part) for part in version.split(".")[:2])
    expected = 3 if comes_with_keras_3(minor) and not wants_legacy(legacy) else 2
    assert effective.keras(environ, {}, version)["major"] == expected
