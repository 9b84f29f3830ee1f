"""Reports built by hand, cell by cell."""

from __future__ import annotations

import pytest
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.report.document import (
    CaseRow,
    CellRow,
    ClassRow,
    DivergenceRow,
    EnvironmentRow,
    MinTolerance,
    Report,
    SettingRow,
)
from savedmodel_matrix.report.tables import class_name

NUMBERS = [name for name in DivergenceRow.model_fields if name not in {"case", "a", "b", "output", "verdict"}]


def divergence(case, a, b, verdict, **changes):
    fields = dict.fromkeys(NUMBERS)
    fields |= {"case": case, "a": a, "b": b, "output": "y", "verdict": verdict, "decision_changed": False}
    fields |= {"judged_by": "noise floor", "decision": "real" if changes.get("decision_changed") else None}
    return DivergenceRow(**{**fields, "min_tolerance": MinTolerance(atol=None, rtol=None), **changes})


def report(cases, divergences=(), baseline="e1/default", **changes):
    """Return a report of ``{case: {environment: class letter or outcome}}``.

    A class is a letter; anything else is the outcome of a cell without outputs. Verdicts to the baseline
    are read off ``divergences``.
    """
    cells, classes = [], []
    for case, by_environment in cases.items():
        members = {}
        for environment, what in by_environment.items():
            cell = f"{environment}/default"
            letter = what if len(what) == 1 else None
            if letter:
                members.setdefault(letter, []).append(cell)
            cells.append(
                CellRow(
                    environment=environment,
                    setting="default",
                    case=case,
                    outcome="recorded" if letter else what,
                    reason=None if letter else f"why {what}",
                    recording="key" if letter else None,
                    required=True,
                    class_=letter,
                )
            )
        classes += [ClassRow(case=case, name=name, cells=cells_of) for name, cells_of in members.items()]
    for row in cells:
        own = next((group for group in classes if group.case == row.case and row.cell in group.cells), None)
        to = next((group for group in classes if group.case == row.case and baseline in group.cells), None)
        if own and to:
            row.verdict = max(
                (
                    each.verdict
                    for each in divergences
                    if each.case == row.case and {each.a, each.b} == {own.cells[0], to.cells[0]}
                ),
                key=lambda verdict: verdict.severity,
                default=Verdict.IDENTICAL,
            )
    environments = dict.fromkeys(row.environment for row in cells)
    fields = {
        "matrix": "m",
        "run": "20260101T000000Z-abcdef",
        "content": "2" * 64,
        "baseline": baseline,
        "environments": [
            EnvironmentRow(
                id=name, tensorflow="2", python="3", build="cpu", resolve="release", requirements=[]
            )
            for name in environments
        ],
        "settings": [
            SettingRow(
                name="default",
                variables={},
                device=None,
                intra_op_threads=None,
                inter_op_threads=None,
                jit_compile=False,
                grappler=True,
            )
        ],
        "cases": [
            CaseRow(
                name=name,
                path="model",
                package=None,
                archive=None,
                signature="serving_default",
                function=None,
                model="0" * 64,
                inputs="1" * 64,
                batches=2,
            )
            for name in cases
        ],
        "cells": cells,
        "classes": classes,
        "divergences": list(divergences),
        "causes": [],
        "remedies": [],
        "remedies_done": True,
        "explanations": [],
        "proposals": [],
        "expectations": [],
        "outputs": [],
        "replicates": 16,
        "remarks": [],
        "faults": [],
        "exit_status": 0,
    }
    return Report(**{**fields, **changes})


@pytest.fixture
def make():
    return report


@pytest.fixture
def differs():
    return divergence


@pytest.fixture
def many():
    """A report of this many cells, alternating between two classes that are float noise apart."""

    def made(count):
        letters = [class_name(number % 2) for number in range(count)]
        cells = {f"e{number}": letter for number, letter in enumerate(letters, 1)}
        return report({"cnn": cells}, [divergence("cnn", "e2/default", "e1/default", Verdict.FLOAT_NOISE)])

    return made
