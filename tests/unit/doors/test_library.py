"""The public API: small, lazy, typed."""

from __future__ import annotations

import inspect
import json

import pandas as pd
import pytest
import savedmodel_matrix
from report.conftest import divergence, report
from savedmodel_matrix import Project, errors, load_report
from savedmodel_matrix.domain.selection import Request, Selection
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.report.document import Report


@pytest.fixture
def written(tmp_path):
    """A report of three cells on disk."""
    found = report(
        {"cnn": {"e1": "A", "e2": "B", "e3": "crashed"}},
        [divergence("cnn", "e2/default", "e1/default", Verdict.DIVERGED)],
    )
    path = tmp_path / "latest/report.json"
    path.parent.mkdir()
    path.write_text(found.model_dump_json(by_alias=True))
    return path


def test_everything_public_can_be_had_and_is_documented():
    assert set(savedmodel_matrix.__all__) <= set(dir(savedmodel_matrix))
    for name in savedmodel_matrix.__all__:
        each = getattr(savedmodel_matrix, name)
        assert name == "__version__" or inspect.getdoc(each)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        savedmodel_matrix.nothing  # noqa: B018


@pytest.mark.parametrize("of_folder", [False, True])
def test_a_report_is_typed_and_its_tables_are_frames(written, of_folder):
    loaded = load_report(written.parent if of_folder else written)
    assert isinstance(loaded.document, Report)
    assert loaded.document.baseline == "e1/default"
    assert isinstance(loaded.divergences, pd.DataFrame)
    (row,) = loaded.divergences.to_dict("records")
    assert (row["case"], row["a"], row["verdict"]) == ("cnn", "e2/default", Verdict.DIVERGED)
    assert list(loaded.cells["outcome"]) == ["recorded", "recorded", "crashed"]
    assert list(loaded.cells["class_"].dropna()) == ["A", "B"]
    assert loaded.checks.empty
    assert loaded.fixes.empty
    assert "verdict" in loaded.fixes.columns, "an empty table has its columns"


def test_what_is_no_report_is_refused_with_advice(written):
    with pytest.raises(errors.StoreError, match="run the matrix first"):
        load_report(written.parent / "none.json")
    written.write_text(json.dumps({"format": 99}))
    with pytest.raises(errors.StoreError, match="another version"):
        load_report(written)


def test_a_project_lists_and_plans_its_matrices(project):
    opened = Project(project.root)
    assert opened.matrices() == ["default"]
    with pytest.raises(errors.DefinitionError, match="no matrix 'mine'"):
        opened.plan("mine")


def test_running_without_a_noxfile_says_what_to_do(project):
    with pytest.raises(errors.UsageError, match="savedmodel-matrix init"):
        Project(project.root).run()


def test_a_run_is_the_request_that_its_arguments_say(project, monkeypatch):
    (project.root / "noxfile.py").touch()
    asked = []
    monkeypatch.setattr("savedmodel_matrix.commands.run.run_matrix", lambda *given: asked.append(given) or 4)
    assert Project(project.root).run("mine", only="a", case=["b", "c"], jobs=2, fixes=False) == 4
    ((_, matrix, request, place),) = asked
    assert matrix == "mine"
    assert request == Request(selection=Selection(("a",), ("b", "c")), jobs=2, fixes=False)
    assert (place.noxfile, place.environments) == (project.root / "noxfile.py", project.root / ".nox")
