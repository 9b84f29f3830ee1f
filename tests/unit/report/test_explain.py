"""What is said of a case: from rows and recorded factors to sentence, evidence and proposals."""

from __future__ import annotations

from dataclasses import replace

import pytest
from recordings import recording
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.definition import CaseDefinition, SettingDefinition
from savedmodel_matrix.domain.environment import Build, Environment
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.plan import Plan
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.evidence.collected import Collected
from savedmodel_matrix.knowledge.releases import ReleaseTable
from savedmodel_matrix.report.document import ClassRow
from savedmodel_matrix.report.explain import explain_case
from savedmodel_matrix.report.propose import proposal_rows
from savedmodel_matrix.verdicts.attribute.separate import Proposal

OLD, NEW, OTHER = "tf2.9.3-py3.10-cpu", "tf2.15.1-py3.11-cpu", "tf2.15.1-py3.10-cpu"
SETTINGS = {"default": {}, "off": {"TF_ENABLE_ONEDNN_OPTS": "0"}}


def plan(*names, settings=("default",)):
    environments = {
        name: Environment(name.split("-")[0][2:], name.split("-py")[1].split("-")[0], Build.CPU)
        for name in names
    }
    return Plan(
        "m",
        CellId(names[0], "default"),
        environments,
        {name: SettingDefinition(variables=SETTINGS[name]) for name in settings},
        {"cnn": CaseDefinition(path="model")},
        {},
    )


def row(environment, setting="default", outcome=Outcome.RECORDED, required=True, **effective):
    release, python = environment.split("-")[0][2:], environment.split("-py")[1].split("-")[0]
    found = {"tensorflow": release, "python": f"{python}.1", "onednn": True, **effective}
    made = recording(outcome=outcome, effective=found)
    return Collected(CellId(environment, setting), "cnn", outcome, None, required, made)


def said(rows, classes, divergences=(), of=None, locked=None):
    of = of or plan(*dict.fromkeys(each.cell.environment for each in rows), settings=("default", "off"))
    class_rows = [ClassRow(case="cnn", name=name, cells=cells) for name, cells in classes.items()]
    return explain_case(of, "cnn", rows, class_rows, divergences, {}, locked or {})


def test_identical_everywhere():
    found = said([row(OLD), row(NEW)], {"A": [f"{OLD}/default", f"{NEW}/default"]})
    assert found.says == "identical in all 2 cells that ran"
    assert found.explanations == []


def test_one_cell_proves_nothing():
    assert said([row(OLD)], {"A": [f"{OLD}/default"]}).says == (
        "ran in one cell only, so there is nothing to compare"
    )


def test_what_differs_between_repeats_is_blamed_on_nothing(differs):
    nothing = differs("cnn", f"{NEW}/default", f"{OLD}/default", Verdict.INCOMPARABLE, output="")
    found = said([row(OLD), row(NEW)], {"A": [f"{OLD}/default"], "B": [f"{NEW}/default"]}, [nothing])
    assert found.says == "ran in 2 cells, and no output can be compared run by run: all are nondeterministic"
    assert found.explanations == []


@pytest.fixture
def switched():
    rows = [
        row(name, setting, onednn=setting != "off") for name in (OLD, NEW) for setting in ("default", "off")
    ]
    classes = {
        "A": [f"{OLD}/default", f"{NEW}/default"],
        "B": [f"{OLD}/off", f"{NEW}/off"],
    }
    return rows, classes


def test_rounding_is_called_that_and_what_moves_the_bits_is_named(switched, differs):
    rows, classes = switched
    apart = differs("cnn", f"{OLD}/off", f"{OLD}/default", Verdict.FLOAT_NOISE)
    found = said(rows, classes, [apart])
    assert found.says == ("equal up to rounding in all 4 cells that ran; the rounding varies with oneDNN")
    (explanation,) = found.explanations
    assert (explanation.about, explanation.sets, explanation.confirmed) == ("bits", [["oneDNN"]], True)
    assert found.proposals == [], "nobody has to know what moves the last bit"


@pytest.mark.parametrize(
    ("verdict", "start"),
    [
        (Verdict.DIVERGED, "differs by more than rounding"),
        (Verdict.SUSPICIOUS, "may differ by more than rounding"),
        (Verdict.INCOMPARABLE, "differs by more than rounding"),
    ],
)
def test_a_real_change_is_told_with_its_cause(switched, differs, verdict, start):
    rows, classes = switched
    apart = [
        differs("cnn", f"{OLD}/off", f"{OLD}/default", Verdict.FLOAT_NOISE, output="x"),
        differs("cnn", f"{OLD}/off", f"{OLD}/default", verdict),
    ]
    found = said(rows, classes, apart)
    assert (
        found.says
        == f"{start}: the results change with oneDNN only (on and off differ); nothing else matters"
    )
    assert [each.about for each in found.explanations] == ["results", "bits"]


def test_failures_are_counted_and_explained_by_what_all_cells_know():
    rows = [
        row(OLD),
        row(NEW, outcome=Outcome.LOAD_FAILED),
        row(OTHER, "off", outcome=Outcome.LOAD_FAILED, required=False),
    ]
    found = said(rows, {"A": [f"{OLD}/default"]})
    assert found.says == (
        "ran in one cell only, so there is nothing to compare; 1 of 2 cells did not run (1 load-failed): "
        "the outcome changes with TensorFlow or Python, which always change together here "
        "(between 2.9.3 and 2.15.1); no two cells have the same TensorFlow, so this is not confirmed"
    )
    assert [each.about for each in found.explanations] == ["outcomes"]
    assert found.explanations[0].together == [["TensorFlow", "Python"]]


def test_what_a_cell_that_failed_early_does_not_report_explains_nothing():
    rows = [
        row(OLD, machine="x86_64"),
        row(NEW, outcome=Outcome.LOAD_FAILED, machine="arm64"),
        Collected(CellId(OTHER, "default"), "cnn", Outcome.IMPORT_FAILED, None, True, recording()),
    ]
    found = said(rows, {"A": [f"{OLD}/default"]})
    assert found.says == (
        "ran in one cell only, so there is nothing to compare; 2 of 3 cells did not run (1 load-failed, "
        "1 import-failed): the outcome changes with TensorFlow and with Python; no two cells have the same "
        "TensorFlow and Python, so this is not confirmed; among the 2 cells that imported TensorFlow, the "
        "outcome changes with TensorFlow, Python or machine, which always change together here "
        "(between 2.9.3 and 2.15.1); no two cells have the same TensorFlow, so this is not confirmed"
    )
    assert [each.about for each in found.explanations] == ["outcomes", "outcomes after the import"]
    assert "oneDNN and machine are not known in every cell and may matter too" in (
        found.explanations[0].evidence
    )


#: An environment with a requirement, and the same one without.
PLAIN = Environment("2.15.1", "3.11", Build.CPU)
WITH_TEXT = replace(PLAIN, requirements=("tensorflow-text==2.15.0",))


def with_and_without_text():
    of = plan(PLAIN.id)
    return replace(of, environments={each.id: each for each in (PLAIN, WITH_TEXT)})


def test_requirements_that_differ_are_named_before_the_packages_that_came_with_them():
    installed = {"tensorflow-cpu": "2.15.1", "keras": "2.15.0", "numpy": "1.26.4"}
    added = {"tensorflow-text": "2.15.0", "tensorflow-hub": "0.16.1", "tf-keras": "2.15.1"}
    rows = [
        row(PLAIN.id, outcome=Outcome.LOAD_FAILED, distributions=installed, tf_keras=None),
        row(WITH_TEXT.id, distributions=installed | added, tf_keras="2.15.1"),
    ]
    found = said(rows, {"A": [f"{WITH_TEXT.id}/default"]}, of=with_and_without_text())
    assert found.says.endswith(
        "1 of 2 cells did not run (1 load-failed): the outcome changes with requirements, tf-keras, "
        "tensorflow-hub or tensorflow-text, which always change together here (requirements none and "
        "tensorflow-text==2.15.0 differ); no two cells have the same requirements, so this is not confirmed"
    )
    assert found.explanations[0].sets == [["requirements"]]
    assert found.explanations[0].together == [
        ["requirements", "tf-keras", "tensorflow-hub", "tensorflow-text"]
    ]


def test_what_cannot_be_installed_is_explained_by_what_was_set_and_what_the_locks_pin():
    cells = [CellId(each.id, "default") for each in (PLAIN, WITH_TEXT)]
    rows = [
        row(PLAIN.id),
        Collected(cells[1], "cnn", Outcome.INSTALL_FAILED, "no wheel", required=True),
    ]
    locked = {PLAIN.id: {"numpy": "1.26.4"}, WITH_TEXT.id: {"numpy": "1.26.4", "tensorflow-text": "2.15.0"}}
    found = said(rows, {"A": [str(cells[0])]}, of=with_and_without_text(), locked=locked)
    assert "(1 install-failed): the outcome changes with requirements or tensorflow-text, which" in found.says


def test_the_environment_of_a_stage_says_nothing_about_the_cell():
    stage = recording(outcome=Outcome.RUN_FAILED, effective={"python": "3.12.1", "distributions": {}})
    failed = Collected(CellId(NEW, "default"), "cnn", Outcome.RUN_FAILED, None, True, stage)
    rows = [row(OLD, distributions={"wrapt": "1"}), failed]
    locked = {OLD: {"wrapt": "1"}, NEW: {"wrapt": "1"}}
    found = said(rows, {"A": [f"{OLD}/default"]}, locked=locked)
    assert "the outcome changes with TensorFlow or Python, which always change together" in found.says


def test_a_cell_that_was_never_tried_says_nothing_about_the_cause():
    rows = [row(OLD), Collected(CellId(NEW, "default"), "cnn", Outcome.SKIPPED, "interrupted", required=True)]
    found = said(rows, {"A": [f"{OLD}/default"]})
    assert found.says.endswith("1 of 2 cells did not run (1 skipped)")
    assert found.explanations == []


def test_rounding_that_either_of_two_options_would_explain(differs):
    first, second, third = f"{OLD}/default", f"{NEW}/default", f"{OTHER}/default"
    rows = [row(OLD, python="3.9.1"), row(NEW), row(OTHER)]
    apart = differs("cnn", second, first, Verdict.FLOAT_NOISE)
    found = said(rows, {"A": [first], "B": [second, third]}, [apart])
    assert found.says.endswith("the rounding varies with TensorFlow or Python")


def test_proposals_are_those_that_can_exist_and_no_more_than_it_takes(monkeypatch):
    monkeypatch.setattr("savedmodel_matrix.questions.separate.platform_name", lambda: "linux-x86_64")
    of, releases = plan(OLD, NEW), ReleaseTable.load()
    pair, keras = ("TensorFlow", "Python"), ("TensorFlow", "Keras")

    def propose(base, change, separates=pair):
        return Proposal(f"{base}/default", change, separates)

    proposed = {
        "cnn": [
            propose(OLD, {"Python": "3.11"}),  # 2.9 has no wheel for it
            propose(NEW, {"Python": "3.10"}),
            propose(NEW, {"Python": "3.9"}),
            propose(NEW, {"Keras": "keras 2.9.0"}, keras),  # pinned by TensorFlow before 2.16
        ],
        "rnn": [propose(NEW, {"Python": "3.9"})],
    }
    (found,) = proposal_rows(of, releases, proposed)
    assert (found.environment, found.setting, found.change) == (NEW, "default", {"Python": "3.9"})
    assert (found.separates, found.cases, found.added) == (["TensorFlow", "Python"], ["cnn", "rnn"], False)


def test_a_cell_that_is_there_already_is_not_proposed(monkeypatch):
    monkeypatch.setattr("savedmodel_matrix.questions.separate.platform_name", lambda: "linux-x86_64")
    proposal = Proposal(f"{NEW}/default", {"Python": "3.10"}, ("TensorFlow", "Python"))
    assert proposal_rows(plan(OLD, NEW, OTHER), ReleaseTable.load(), {"cnn": [proposal]}) == []
