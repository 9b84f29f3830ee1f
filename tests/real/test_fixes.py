"""Fixes of several steps, found and verified in real environments."""

from __future__ import annotations

import pytest
from project import matrix_text

REST = """
[noise_floor]
replicates = 0

[settings.default]
"""
CNN = """
[cases.cnn]
path = "examples/models/cnn"
inputs = [{ npz = "examples/inputs/cnn-1.npz" }]
"""
AS_LAYER = """
[[environments]]
tensorflow = ["2.9"]
resolve = "today"
requirements = [["numpy>=2"]]

[settings.layer]
loader = "tfsm-layer"

[[exclude]]
cells = "tf2.7.4*/layer"
reason = "TFSMLayer is part of Keras 3"
"""


def steps_of(row):
    return [(row.kind, row.value), *((step.kind, step.value) for step in row.together)]


@pytest.fixture
def tried(new_project):
    """A function that runs a matrix, and returns {steps: whether they mended} and the report's text."""

    def run(text, *, at=""):
        new_project.matrix(text)
        run = new_project.nox("-s", "matrix")
        assert run.status == 4, run.output
        rows = [row for row in new_project.report().remedies if at in f"{row.environment}/{row.setting}"]
        again = new_project.nox("-s", "matrix")
        assert "trying fixes" not in again.output, "every attempt is in the store"
        assert new_project.plan()["fixes_to_try"] == 0
        return {tuple(steps_of(row)): row.mended for row in rows}, run.text

    return run


def test_two_steps_that_belong_together_fix_what_neither_does(tried):
    found, text = tried(matrix_text("2.7.4", "2.21", rest=f'{REST}{CNN}loader = "keras"\n'))
    package = ("package", "tf-keras~=2.21.0")
    variable, loader = ("variable", "TF_USE_LEGACY_KERAS=1"), ("loader", "tf-keras")
    assert found[package, variable]
    assert found[package, loader]
    assert not any(mended for steps, mended in found.items() if len(steps) == 1)
    assert all(found[(each,)] is False for each in (package, variable, loader))
    assert "trying fixes: 5 runs (at most 5 single steps and 12 attempts for each failure" in text
    assert "trying fixes together" in text
    assert "fixed by package tf-keras~=2.21.0 with variable TF_USE_LEGACY_KERAS=1 (verified: " in text


def test_a_fix_after_which_the_failure_is_another_is_continued(tried):
    found, text = tried(matrix_text("2.7.4", rest=f"{REST}{AS_LAYER}{CNN}"), at="/layer")
    pin, loader = ("pin", "numpy<2"), ("loader", "saved_model")
    assert found[(pin,)] is False
    assert found[pin, loader]
    assert "fixed by pin numpy<2 with loader saved_model (verified: " in text
    assert "fixed by pin numpy<2 (verified: " in text, "which is all that the other setting needs"
