from __future__ import annotations

import re

import pytest
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.errors import NothingSelectedError
from savedmodel_matrix.domain.job import Job, Limits
from savedmodel_matrix.domain.selection import Request, Selection, new_run_id, require_matches

OLD, NEW = "tf2.7.4-py3.8-cpu", "tf2.9.3-py3.10-cpu"


@pytest.mark.parametrize(
    ("selection", "wanted", "partial"),
    [
        (Selection(), True, False),
        (Selection(fresh=True), True, False),
        (Selection(cells=("tf2.9*",)), True, True),
        (Selection(cells=("*/onednn-off",), cases=("c*",)), True, True),
        (Selection(cells=("*/default",)), False, True),
        (Selection(cases=("rnn",)), False, True),
        (Selection(cells=("tf2.7*",), cases=("cnn",)), False, True),
        (Selection(cells=("tf2.7*", "tf2.9*")), True, True),
        (Selection(cases=("rnn", "cnn")), True, True),
    ],
)
def test_selections_and_globs_that_add_up(selection, wanted, partial):
    job = Job(CellId(NEW, "onednn-off"), "cnn", Limits(1.0, None))
    assert selection.wants(job) is wanted
    assert selection.is_partial is partial


@pytest.mark.parametrize(
    ("selection", "says"),
    [
        (
            Selection(cells=("tf2.9.3-py3.11*",)),
            f"--only 'tf2.9.3-py3.11*' matches no cell of matrix 'default'; did you mean {NEW}",
        ),
        (Selection(cells=("*/onednn-of",)), "did you mean"),
        (Selection(cells=("zzz",)), f"there are {OLD}, {NEW}"),
        (Selection(cases=("oen",)), "--case 'oen' matches no case of matrix 'default'; did you mean one"),
        (Selection(cells=("tf2.9*", "tf3*"), cases=("one",)), "--only 'tf3*' matches no cell"),
    ],
)
def test_a_glob_that_matches_nothing_names_what_is_near(plan, selection, says):
    with pytest.raises(NothingSelectedError, match=re.escape(says)) as caught:
        require_matches(selection, [plan])
    assert caught.value.exit_status == 3


def test_every_glob_that_matches_nothing_is_named(plan):
    with pytest.raises(NothingSelectedError) as caught:
        require_matches(Selection(cells=("no",), cases=("nor",)), [plan])
    assert len(str(caught.value).splitlines()) == 2


def test_what_is_selected_and_cannot_run_is_no_selection(plan):
    for cell in plan.cells():
        plan.excluded[cell, "one"] = "not now"
    with pytest.raises(
        NothingSelectedError, match="--case 'one' selects nothing that matrix 'default' can run"
    ):
        require_matches(Selection(cases=("one",)), [plan])


def test_everything_is_selected_by_no_option(plan):
    require_matches(Selection(), [plan])


def test_a_request_survives_the_file_of_a_round():
    request = Request(selection=Selection(("a", "b"), ("c",), fresh=True), separate=True, jobs=3)
    assert Request.model_validate_json(request.model_dump_json()) == request


def test_ids_of_runs_sort_by_age():
    first, second = new_run_id(), new_run_id()
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", first)
    assert first != second
    assert first[:16] <= second[:16]
