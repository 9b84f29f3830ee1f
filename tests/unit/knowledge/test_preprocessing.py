"""How differences in preprocessing usually arise: entries that a report can show."""

import pytest
from savedmodel_matrix.knowledge.preprocessing import usual
from savedmodel_matrix.report.pipelines.diagnoses import advice_of, proof_of, row_of
from savedmodel_matrix.report.pipelines.surroundings import _NAMES
from savedmodel_matrix.verdicts.diagnose.finding import Diagnosis


@pytest.mark.parametrize("name", usual())
def test_every_entry_says_how_it_happens_what_to_change_and_from_where(name):
    entry = usual()[name]
    for text in (entry.happens, entry.line, entry.source):
        assert text == text.strip()
        assert "\n" not in text
        assert not text.endswith(".")
        assert len(text) > 10


def test_every_surrounding_has_advice():
    assert {name for name, _ in _NAMES.values()} <= usual().keys()


def found(**changes):
    fields = {
        "id": "window+gain",
        "title": "t",
        "train": "a",
        "serve": "b",
        "mends": "do a",
        "before": 0.5,
        "residual": 1e-8,
        "max_abs_before": 1.0,
        "max_abs_after": 0.0,
        "steps": ("window", "gain"),
    }
    return row_of(Diagnosis(**{**fields, **changes}), [0])


def test_advice_is_that_of_every_step():
    lines = advice_of(found())
    assert lines[0] == "fix: do a"
    assert "symmetric" in lines[1]
    assert "peak" in lines[1]
    assert advice_of(found(steps=("no such step",))) == ["fix: do a"]


def test_what_shows_a_diagnosis_its_place_what_is_left_and_ties():
    assert proof_of(found()) == "a correction cuts the difference from 0.5 to 1.0e-08"
    says = proof_of(
        found(proof="seen", where="in row 3", left="half is left", ties=("noise",), experiment="look")
    )
    assert says == "seen; in row 3; half is left; just as well: noise; to tell: look"
