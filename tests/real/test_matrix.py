"""A small matrix from nox to the reports, and what a second run leaves alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
from project import CNN, CUSTOM_LAYER, SETTINGS, matrix_text
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.store.results import Results
from savedmodel_matrix.store.runs import read_runs

OLD, MIDDLE, NEW = "tf2.7.4-py3.9-cpu", "tf2.15.1-py3.11-cpu", "tf2.21.0-py3.13-cpu"
ADD_SLOT = "AttributeError: '_UserObject' object has no attribute 'add_slot'"

#: What is run for a noise floor, in the order of their names.
NOISE = ("noise floor", "other threads")


def measured(recordings):
    return sorted((each["identity"]["measurement"], each["identity"]["case"]) for each in recordings)


@pytest.fixture
def project(recorded, tmp_path):
    return recorded.project.copied_to(tmp_path / "project")


def test_some_cells_could_not_run_and_the_exit_status_says_so(recorded):
    assert recorded.run.status == 4
    assert recorded.run.sessions == {"matrix": "aborted"}
    tried = {name: result for name, result in recorded.run.environments.items() if "-tf_keras-" in name}
    assert list(tried.values()) == ["success"], "a fix needs an environment of its own"
    assert recorded.run.environments == {OLD: "success", MIDDLE: "success", NEW: "success", **tried}
    assert "Exit status 4: some required cells, checks or comparisons did not run" in recorded.run.text
    assert recorded.project.report().exit_status == 4


def test_every_cell_and_case_has_an_outcome(recorded):
    outcomes = {cell: row.outcome for cell, row in recorded.project.outcomes().items()}
    assert outcomes == {
        (environment, setting, case): (
            Outcome.LOAD_FAILED if (environment, case) == (NEW, "cnn") else Outcome.RECORDED
        )
        for environment in (OLD, MIDDLE, NEW)
        for setting in ("default", "onednn-off")
        for case in ("cnn", "custom_layer")
    }


def test_one_sentence_says_how_each_case_came_out(recorded):
    says = {case.name: case.says for case in recorded.project.report().cases}
    assert says["custom_layer"] == "identical in all 6 cells that ran"
    assert says["cnn"].startswith("equal up to rounding in all 4 cells that ran; the rounding varies with ")
    assert "2 of 6 cells did not run (2 load-failed): " in says["cnn"]
    assert "between 2.15.1 and 2.21.0" in says["cnn"]
    for case in says:
        assert f"{case}: {says[case][:60]}" in recorded.run.text


def test_remedies_were_run_and_what_they_came_to_was_seen(recorded):
    report = recorded.project.report()
    assert {(row.environment, row.case, row.cause) for row in report.causes} == {
        (NEW, "cnn", "keras-optimizer-slots")
    }
    assert report.remedies_done
    tried = {row.kind: row for row in report.remedies}
    assert set(tried) == {"package", "loader", "re-export"}
    for row in tried.values():
        assert (row.environment, row.case, row.outcome) == (NEW, "cnn", Outcome.RECORDED)
        assert row.mended
        assert row.says == "verified: matches the baseline within float noise"
    assert tried["package"].value == "tf-keras~=2.21.0"
    assert tried["package"].tried_in.startswith(f"{NEW}-tf_keras")
    assert tried["loader"].value == "v1-session"
    assert OLD in tried["re-export"].value
    assert "fixed by loader v1-session (verified: matches the baseline" in recorded.run.text
    # Locks of environments that only remedies need are nobody's to commit.
    assert not list((recorded.project.root / "matrices/locks").rglob("*tf_keras*"))


def test_verdicts_are_by_the_noise_of_the_baseline(recorded):
    report = recorded.project.report()
    assert report.replicates == 16
    assert {output.case for output in report.outputs} == {"cnn", "custom_layer"}
    for output in report.outputs:
        assert 0 < output.detectable < 1e-5
        assert output.caveats == {}
    differing = [row for row in report.divergences if row.different]
    assert differing
    for row in differing:
        assert row.judged_by == "noise floor"
        assert 0 < row.noise_ratio < 3


def test_what_could_not_load_is_named_with_its_reason(recorded):
    failed = [row for row in recorded.project.report().cells if row.outcome is Outcome.LOAD_FAILED]
    assert [row.reason for row in failed] == [ADD_SLOT] * 2
    assert all(row.verdict is None and row.class_ is None for row in failed), "a failure is never a pass"
    assert ADD_SLOT in recorded.run.output
    assert ADD_SLOT in recorded.project.markdown()


def test_classes_and_verdicts(recorded):
    report = recorded.project.report()
    classes = {
        name: [row.cells for row in report.classes if row.case == name] for name in ("cnn", "custom_layer")
    }
    assert classes["custom_layer"] == [
        [
            f"{environment}/{setting}"
            for environment in (OLD, MIDDLE, NEW)
            for setting in ("default", "onednn-off")
        ]
    ]
    members = sorted(cell for cells in classes["cnn"] for cell in cells)
    assert members == sorted(
        f"{name}/{setting}" for name in (OLD, MIDDLE) for setting in ("default", "onednn-off")
    )
    for row in recorded.project.report().cells:
        if row.case == "custom_layer":
            assert row.verdict is Verdict.IDENTICAL
        elif row.outcome is Outcome.RECORDED:
            assert row.verdict in (Verdict.IDENTICAL, Verdict.FLOAT_NOISE)


def test_the_run_is_written_down_and_points_at_recordings_that_exist(recorded):
    results = recorded.project.results
    rounds = {(each.question, each.number): each for each in read_runs(Results(results))}
    assert set(rounds) == {("matrix", 1), ("fixes", 1), ("fixes", 2)}
    run = rounds["matrix", 1]
    assert (run.matrix, run.exit_status, len(run.cells)) == ("default", 4, 12)
    names = {path.stem for path in recorded.project.recordings()}
    listed = {cell.recording for cell in run.cells}
    assert len(listed) == 12
    assert listed < names
    others = [
        json.loads(path.read_text()) for path in recorded.project.recordings() if path.stem not in listed
    ]
    noise = [each for each in others if each["identity"]["measurement"] in NOISE]
    assert measured(noise) == [(name, case) for name in NOISE for case in ("cnn", "custom_layer")]
    assert {recording["identity"]["environment"] for recording in noise} == {OLD}


def test_rounds_carry_verdicts_so_that_nobody_has_to_run_again_to_know_them(recorded):
    report = recorded.project.report()
    rounds = {(each.question, each.number): each for each in read_runs(Results(recorded.project.results))}
    verdicts = {(row.environment, row.setting, row.case): row.verdict for row in report.cells}
    for cell in rounds["matrix", 1].cells:
        assert cell.verdict == verdicts[cell.environment, cell.setting, cell.case]
    attempts = rounds["fixes", 2].attempts
    assert {(each.kind, each.outcome) for each in attempts} == {
        (kind, Outcome.RECORDED) for kind in ("package", "loader", "re-export")
    }
    assert [each.verdict for each in attempts] == [row.verdict for row in report.remedies]


def test_progress_is_said_in_plain_lines_without_a_terminal(recorded):
    for name in (OLD, MIDDLE, NEW):
        assert f"{name}: done (" in recorded.run.output
    assert " of 3 environments done; " in recorded.run.output
    assert "nox > Running session tf" not in recorded.run.output, "that is in the logs"


def test_the_number_of_cells_run_now_is_right(recorded):
    assert "10 of 12 cells × cases recorded, 12 run now" in recorded.run.output


def test_a_second_run_executes_nothing_and_ends_the_same(project):
    before = project.recordings()
    run = project.nox("-s", "matrix")
    assert run.status == 4
    assert (run.sessions, run.environments) == ({"matrix": "aborted"}, {}), "nothing had anything to do"
    assert "0 run now" in run.output
    assert project.recordings() == before
    assert ADD_SLOT in run.output, "the whole matrix is shown all the same"


def test_other_inputs_run_that_case_alone(project):
    path = project.root / "examples/inputs/cnn-1.npz"
    arrays = dict(np.load(path))
    np.savez(path, **{name: array[::-1] * array.dtype.type(0.5) for name, array in arrays.items()})
    before = project.recordings()
    planned = project.plan()
    assert planned["to_run"] == 6
    assert {row["environment"]: row["to_run"] for row in planned["environments"]} == {
        OLD: 2,
        MIDDLE: 2,
        NEW: 2,
    }

    run = project.nox("-s", "matrix", "--", "--only", f"{OLD}/default")

    assert set(run.environments) == {OLD}
    assert {path: project.recordings()[path] for path in before} == before
    new = [json.loads(path.read_text()) for path in set(project.recordings()) - set(before)]
    assert measured(new) == [(name, "cnn") for name in (*NOISE, "outputs")]
    assert project.plan()["to_run"] == 5


def test_fresh_runs_the_selected_again(project):
    before = project.recordings()
    contents = {path: json.loads(path.read_text()) for path in before}

    project.nox("-s", "matrix", "--", "--fresh", "--only", f"{OLD}/default", "--case", "cus*")

    after = project.recordings()
    assert set(after) == set(before)
    changed = [path for path in before if after[path] != before[path]]
    new = [json.loads(path.read_text()) for path in changed]
    assert measured(new) == [(name, "custom_layer") for name in (*NOISE, "outputs")]
    for path, recording in zip(changed, new, strict=True):
        old, where = contents[path], recording["identity"]
        assert (where["environment"], where["setting"]) == (OLD, "default")
        assert recording["outputs"] == old["outputs"], "the same bytes"
        for each in (recording, old):
            if each["measured"] is not None and "power" in each["measured"]:
                assert each["measured"]["power"].pop("seconds") >= 1, "as long as the case took"
        assert recording["measured"] == old["measured"]
        assert recording["started"] > old["ended"]


def test_a_tighter_tolerance_is_judged_from_disk(project):
    before = project.recordings()
    text = (project.root / "matrices/default.toml").read_text()
    project.matrix(f'{text}\n[cases.cnn.tolerance]\n"*" = {{ atol = 0 }}\n')
    # With fixes, those that agreed so far no longer do, and others are tried.
    run = project.nox("-s", "matrix", "--", "--no-fixes")
    assert run.status == 1
    assert run.environments == {}
    assert project.recordings() == before
    assert {row.verdict for row in project.report().cells if row.environment == MIDDLE} == {
        Verdict.DIVERGED, Verdict.IDENTICAL
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "tf2.15.1-py3.12*"], f"did you mean {MIDDLE}"),
        (["--case", "custm_layer"], "did you mean custom_layer"),
        (["--only", f"{OLD}/none"], f"did you mean {OLD}/"),
        (["--only", MIDDLE, "--only", "tf1*"], "--only 'tf1*' matches no cell of matrix 'default'"),
    ],
)
def test_a_glob_that_matches_nothing_names_what_is_near(project, arguments, says):
    run = project.nox("-s", "matrix", "--", *arguments)
    assert run.status == 3
    assert says in run.output
    assert "Traceback" not in run.output


def test_an_unknown_argument_says_what_there_is(project):
    run = project.nox("-s", "matrix", "--", "--ony", OLD)
    assert run.status == 2
    assert "--only" in run.output
    assert "Traceback" not in run.output


def test_a_broken_definition_names_every_problem(project):
    project.matrix(
        matrix_text("2.7.4", rest=SETTINGS + CNN + CUSTOM_LAYER.replace("warmup = 20", "warmpu = 20"))
        .replace("TF_ENABLE_ONEDNN_OPTS = ", "TF-ENABLE = ")
        .replace("path =", "paht =", 1),
        name="broken",
    )
    run = project.nox("-s", "matrix-broken")
    assert run.status == 2
    assert "Traceback" not in run.output
    for place in (
        "matrices/broken.toml: settings.onednn-off.variables",
        "matrices/broken.toml: cases.cnn.paht: unknown key; did you mean 'path'?",
        "matrices/broken.toml: cases.cnn.path: field required",
        "matrices/broken.toml: cases.custom_layer.inputs.0",
    ):
        assert place in run.output
    planned = project.harness("plan", "broken")
    assert planned.status == 2
    assert "did you mean 'path'?" in planned.output
    assert project.nox("-s", "matrix").status == 4, "another matrix stands for itself"


def test_a_matrix_that_does_not_exist(project):
    planned = project.harness("plan", "defualt")
    assert planned.status == 2
    assert "did you mean 'default'?" in planned.output
