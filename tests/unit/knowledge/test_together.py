from __future__ import annotations

import pytest
from savedmodel_matrix.domain.definition import CaseDefinition
from savedmodel_matrix.knowledge.causes.base import Remedy, RemedyKind
from savedmodel_matrix.knowledge.together import known_pairs, partners


def found(kind, value):
    return [(step.kind, step.value) for step in partners(Remedy(kind=kind, value=value), "2.18")]


@pytest.mark.parametrize("value", ["tf-keras~=2.18.0", "tf_keras", "TF-Keras==2.18.0"])
@pytest.mark.parametrize("kind", [RemedyKind.PACKAGE, RemedyKind.PIN])
def test_a_package_is_known_by_its_name(kind, value):
    assert found(kind, value) == [
        (RemedyKind.VARIABLE, "TF_USE_LEGACY_KERAS=1"),
        (RemedyKind.LOADER, "tf-keras"),
    ]


def test_each_step_of_a_pair_leads_to_the_other():
    expected = [(RemedyKind.PACKAGE, "tf-keras~=2.18.0")]
    assert found(RemedyKind.VARIABLE, "TF_USE_LEGACY_KERAS=1") == expected
    assert found(RemedyKind.LOADER, "tf-keras") == expected


def test_other_values_have_no_partner():
    assert found(RemedyKind.VARIABLE, "TF_USE_LEGACY_KERAS=0") == []
    assert found(RemedyKind.LOADER, "keras") == []
    assert found(RemedyKind.PIN, "keras>=3") == []


def test_every_step_can_be_applied():
    for pair in known_pairs():
        for step in pair.steps:
            if step.kind is RemedyKind.LOADER:
                CaseDefinition(path="model", loader=step.value)
        assert pair.source
