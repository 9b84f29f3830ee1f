from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints

import numpy as np
import pytest
from savedmodel_matrix.domain.errors import DefinitionError
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.verdicts.judge import comparators
from savedmodel_matrix.verdicts.judge.comparators import (
    GROUP,
    Comparison,
    missing_comparators,
    run_comparator,
)
from savedmodel_matrix.verdicts.judge.output import Measure

A, B = {"boxes": np.ones(3), "scores": np.zeros(3)}, {"boxes": np.zeros(3), "scores": np.zeros(3)}


def agrees(a, b, output):
    return Comparison("float-noise", f"{output}: {a[output].sum() - b[output].sum():g} apart, of {sorted(b)}")


def breaks(a, b, output):
    raise ZeroDivisionError("no boxes\nat all")


def flatters(a, b, output):
    return Comparison("identical", "sure")


def makes_up(a, b, output):
    return Comparison("fine", "")


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    here = [
        EntryPoint(name, f"{__name__}:{name}", GROUP) for name in ("agrees", "breaks", "flatters", "makes_up")
    ]

    def entry_points(**chosen):
        return EntryPoints(here).select(**chosen)

    monkeypatch.setattr(comparators, "entry_points", entry_points)


def test_it_gets_the_whole_batch_and_the_name_of_its_output():
    found = run_comparator("agrees", A, B, "boxes")
    assert (found.verdict, found.by) == (Verdict.FLOAT_NOISE, Measure.COMPARATOR)
    assert found.reason == "boxes: 3 apart, of ['boxes', 'scores']"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("breaks", "comparator 'breaks' failed: ZeroDivisionError: no boxes"),
        ("makes_up", "comparator 'makes_up' failed: ValueError: 'fine' is not a valid Verdict"),
        ("flatters", "comparator 'flatters' returned identical, which is reserved for equal bits"),
    ],
)
def test_its_failure_is_no_pass(name, reason):
    found = run_comparator(name, A, B, "boxes")
    assert (found.verdict, found.reason) == (Verdict.INCOMPARABLE, reason)


def test_one_that_is_not_installed_is_a_wrong_definition():
    assert missing_comparators(["agrees"]) == []
    (problem,) = missing_comparators(["mine", "agrees"])
    assert problem == (
        "comparator 'mine' is not installed (installed entry points of savedmodel_matrix.comparators: "
        "agrees, breaks, flatters, makes_up)"
    )
    with pytest.raises(DefinitionError):
        run_comparator("mine", A, B, "boxes")
