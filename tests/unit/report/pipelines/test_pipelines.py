"""What a report says of the pipelines around a model, from recordings written by hand."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from recordings import entry, output, ready_case, recording, stored, unstable
from savedmodel_matrix.domain.arrays import InputPart
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.job import Given, Job
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.ready_case import ReadyStage
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.domain.stage import StagePart
from savedmodel_matrix.evidence.collected import (
    Collected,
    Collection,
    ElsewhereRecord,
    StageRecord,
    SwapRecord,
)
from savedmodel_matrix.evidence.origins import Origin
from savedmodel_matrix.measurements.elsewhere import EVERYTHING, SEEDED, SEEDED_AGAIN
from savedmodel_matrix.measurements.stage import AGAIN
from savedmodel_matrix.planning.workspace import Workspace
from savedmodel_matrix.questions.attempts import Remedies
from savedmodel_matrix.questions.fixes import Mending
from savedmodel_matrix.report.build import build_report
from savedmodel_matrix.report.formats import markdown, terminal
from savedmodel_matrix.report.pipelines.stages import (
    Pipeline,
    changed_libraries,
    stage_factors,
    with_postprocess,
)
from savedmodel_matrix.report.pipelines.tables import pipeline_lines
from savedmodel_matrix.store.atomic import json_digest

OLD, NEW = CellId("tf2.9.3-py3.10-cpu", "default"), CellId("tf2.12.1-py3.11-cpu", "default")
PREPARED = 'preprocess = "p.py:prepare"\n'
COMPARED = 'train = "p.py:train"\nserve = "p.py:serve"\n'
RAW = np.linspace(3, 17, 60, dtype="f4").reshape(20, 3) ** 1.5


class Made:
    """A project without models, and everything that a plan of two cells recorded in it."""

    def __init__(self, root):
        self.root, self.stages, self.swaps, self.outputs = root, [], [], {}
        self.elsewhere = []
        self.trained, self.other_data, self.failed = None, False, set()
        (root / "matrices").mkdir()

    def entry(self, values, dtype="float32"):
        return stored(self.root / "results/objects", np.asarray(values), dtype)

    def recording(self, values, **changes):
        key = json_digest([str(values), str(changes)])
        outputs = [output(self.entry(values), "x")]
        return recording(key=key, outputs=outputs, effective={"tensorflow": "2"}, **changes)

    def stage(self, cell, name, values, libraries=None, brought=None, facts=None, **changes):
        part = StagePart(libraries=libraries or {}, brought=brought or {}, **(facts or {}))
        made = self.recording(values, **changes)
        self.stages.append(StageRecord(cell, "c", name, Outcome.RECORDED, None, made, None, part))
        return self.stages[-1]

    def ran_in(self, stage, way, values):
        job = Job(OLD, "c", None, "elsewhere", f"{stage} in {way}")
        self.elsewhere.append(ElsewhereRecord(job, self.recording(values)))

    def swap(self, cell, maker, values):
        job = Job(cell, "c", None, "swapped", given=Given(maker, ()))
        self.swaps.append(SwapRecord(job, None if values is None else self.recording(values)))

    def report(self, case):
        text = 'baseline = "tf2.9.3-*"\n[[environments]]\ntensorflow = ["2.9.3", "2.12.1"]\n'
        (self.root / "matrices/default.toml").write_text(f'{text}[cases.c]\npath = "m"\n{case}')
        project = Workspace(self.root)
        plan = project.plan("default")
        rows = [
            Collected(cell, "c", Outcome.LOAD_FAILED, "why", True)
            if cell in self.failed
            else Collected(cell, "c", Outcome.RECORDED, None, True, self.recording(self.outputs[cell]))
            for cell in plan.cells()
        ]
        raw = ((InputPart(name="x", component=None, array=self.entry(RAW)),),)
        own = "other" if self.other_data else None
        stages = {
            name: ReadyStage(
                code={},
                needs=None,
                batches=None,
                inputs_digest=own if name == "train" else None,
                inputs_problem=None,
            )
            for name in plan.cases["c"].stages
        }
        ready = ready_case(model="m", batches=raw, inputs_digest="raw", stages=stages)
        collection = Collection(
            rows,
            dict.fromkeys(plan.environments),
            {"c": ready},
            {},
            stages=self.stages,
            trained={"c": self.trained},
            swaps=self.swaps,
            origins={"c": Origin(project, plan.cases["c"], "not read")},
            elsewhere=self.elsewhere,
        )
        nothing = Mending(Remedies(plan, ()), (), done=True)
        today = dt.date(2026, 11, 24)
        return build_report(project, plan, collection, nothing, run="r", content="c", today=today)


@pytest.fixture
def made(tmp_path):
    return Made(tmp_path)


def drifted(made, there, back):
    """Two cells whose pipelines differ, with what the models gave on each other's inputs."""
    made.outputs = {OLD: [1.0, 2.0], NEW: [5.0, 6.0]}
    made.stage(OLD, "preprocess", [1.0, 1.0], {"Pillow": "9.5.0", "NumPy": "1"})
    made.stage(NEW, "preprocess", [1.0, 2.0], {"Pillow": "11.3.0", "NumPy": "1"})
    made.swap(NEW, OLD, there)
    made.swap(OLD, NEW, back)
    return made.report(PREPARED)


def test_a_model_that_gives_the_same_of_the_same_input_is_innocent(made):
    report = drifted(made, [1.0, 2.0], [5.0, 6.0])
    (entry,) = report.entries
    assert (entry.cells, entry.libraries) == ([str(NEW)], ["Pillow 9.5.0 → 11.3.0"])
    assert (entry.end_to_end, entry.given_baselines, entry.baseline_given_theirs) == (
        "diverged", "identical", "identical",
    )  # fmt: skip
    assert entry.inputs == "50% of elements differ, by up to 1"
    assert "given the same input, the model gives identical outputs" in entry.says
    assert report.cases[0].says.endswith("(Pillow 9.5.0 → 11.3.0); the model is not the cause")
    assert report.exit_status == 1


@pytest.mark.parametrize(("there", "back"), [([1.5, 2.0], [5.0, 6.0]), ([1.0, 2.0], [5.0, 6.5])])
def test_a_model_that_differs_in_either_way_is_not(made, there, back):
    report = drifted(made, there, back)
    assert "the model gives different outputs too" in report.entries[0].says
    assert "the model may differ too" in report.cases[0].says


@pytest.mark.parametrize(("there", "back"), [(None, [5.0, 6.0]), ([1.0, 2.0], None)])
def test_a_model_that_was_not_run_on_the_other_s_input_is_not_known_to_be_innocent(made, there, back):
    report = drifted(made, there, back)
    assert "so it may differ too" in report.entries[0].says
    assert "the model may differ too" in report.cases[0].says


def test_equal_inputs_have_no_entry(made):
    made.outputs = {OLD: [1.0, 2.0], NEW: [5.0, 6.0]}
    for cell in (OLD, NEW):
        made.stage(cell, "preprocess", [1.0])
    report = made.report(PREPARED)
    assert report.entries == []
    assert "preprocess: identical in the 2 cells that ran it" in terminal.render(report, verbose=True)


def test_an_unexplained_difference_of_pipelines_asks_what_it_depends_on(made):
    made.outputs = {OLD: [1.0], NEW: [1.0]}
    made.stage(OLD, "preprocess", [1.0])
    made.stage(NEW, "preprocess", [2.0])
    assert "does it depend on time, or on the order of a set?" in made.report(PREPARED).entries[0].says


def test_what_enters_behind_the_model_is_told(made):
    made.outputs = {OLD: [1.0], NEW: [1.0]}
    made.stage(OLD, "postprocess", [1.0], {"SciPy": "1"})
    made.stage(NEW, "postprocess", [2.0], {"SciPy": "2"})
    report = made.report('postprocess = "p.py:after"\n')
    assert report.entries[0].stage == "postprocess"
    assert (
        "the model's outputs agree, but postprocess turns them into different results (SciPy 1 → 2"
        in report.entries[0].says
    )
    assert {row.output for row in report.divergences if row.verdict == "diverged"} == {"postprocess/x"}


def test_a_pipeline_that_is_not_deterministic_leaves_nothing_to_compare(made):
    made.outputs = {OLD: [1.0], NEW: [2.0]}
    made.stage(OLD, "preprocess", [1.0], unstable=[unstable("x")])
    made.stage(NEW, "preprocess", [2.0], unstable=[unstable("x")])
    report = made.report(PREPARED)
    assert any("preprocess is not deterministic: two calls" in each for each in report.remarks)
    assert [(row.verdict, row.output) for row in report.divergences] == [("incomparable", "")]


@pytest.mark.parametrize(("again", "moves"), [([3.0, 1.0], True), ([1.0, 1.0], False)])
def test_a_pipeline_that_makes_something_else_in_every_process_is_nobody_s_fault(made, again, moves):
    job = Job(OLD, "c", None, "stage", f"preprocess{AGAIN}")
    made.swaps.append(SwapRecord(job, made.recording(again)))
    report = drifted(made, [1.0, 2.0], [5.0, 6.0])
    said = [
        each for each in report.remarks if "a second process made a different x from the same input" in each
    ]
    assert (bool(said), report.entries == []) == (moves, moves)
    assert {row.verdict for row in report.divergences} == {"incomparable" if moves else "diverged"}


def test_a_pipeline_that_writes_to_its_input_is_told(made):
    made.outputs = {OLD: [1.0], NEW: [1.0]}
    for cell in (OLD, NEW):
        made.stage(cell, "preprocess", [1.0], facts={"wrote": [{"batch": 0, "name": "image"}]})
    remarks = [each for each in made.report(PREPARED).remarks if "writes to its input image" in each]
    assert len(remarks) == 1, "said once, for all cells"


def skewed(made, train, serve, trained=(1.0, 2.0)):
    made.outputs = {OLD: [5.0, 6.0], NEW: [5.0, 6.0]}
    for cell in (OLD, NEW):
        made.stage(cell, "train", train)
        made.stage(cell, "serve", serve)
    made.trained = made.recording(list(trained))
    return made.report(COMPARED)


def z_scores(x):
    return ((x - x.mean()) / x.std()).astype("f4")


def test_serving_is_held_against_training_and_the_difference_is_named(made):
    report = skewed(made, z_scores(RAW), ((RAW - RAW.min()) / (RAW.max() - RAW.min())).astype("f4"))
    (skew,) = report.skews
    assert skew.cells == [str(OLD), str(NEW)]
    (diagnosis,) = skew.diagnoses
    assert ("z-score" in diagnosis.train, "min-max" in diagnosis.serve) == (True, True)
    assert diagnosis.residual < 1e-6 < 0.1 < diagnosis.before
    assert (skew.verdict, skew.max_abs) == ("diverged", 4)
    assert (report.exit_status, {cell.skew for cell in report.cells}) == (1, {"diverged"})
    assert "serving preprocesses differently from training: " in report.cases[0].says
    assert "fix (verified: leaves a relative difference of " in terminal.render(report)
    assert "Training versus serving: diagnoses" in markdown.render(report)


def test_an_expectation_covers_serving_in_the_baseline_too(made):
    known = '[[expect]]\ncells = "*"\nverdict = "diverged"\nreason = "r"\nowner = "o"\nuntil = 2026-12-31\n'
    made.outputs = {OLD: [5.0], NEW: [5.0]}
    for cell in (OLD, NEW):
        made.stage(cell, "train", z_scores(RAW))
        made.stage(cell, "serve", RAW)
    made.trained = made.recording([1.0])
    assert made.report(COMPARED + known).exit_status == 0


def test_equal_pipelines_are_no_skew(made):
    report = skewed(made, RAW, RAW, (5.0, 6.0))
    assert (report.skews[0].identical, report.skews[0].diagnoses, report.exit_status) == (True, [], 0)


def test_what_no_diagnosis_explains_is_called_that(made):
    noise = np.random.default_rng(3).normal(size=RAW.shape).astype("f4")
    report = skewed(made, RAW, noise)
    assert report.skews[0].diagnoses == []
    assert "a difference without a diagnosis" in report.skews[0].says
    assert report.skews[0].unexplained[0].startswith("batch 0, x: ")


def test_serving_that_is_held_against_nothing_is_no_pass(made):
    made.outputs = {OLD: [5.0], NEW: [5.0]}
    for cell in (OLD, NEW):
        made.stage(cell, "serve", RAW)
    assert (made.report(COMPARED).skews, made.report(COMPARED).exit_status) == ([], 4)


def test_a_cell_that_failed_does_not_hide_what_the_others_serve(made):
    made.failed.add(OLD)
    report = skewed(made, z_scores(RAW), RAW)
    assert (report.skews[0].verdict, report.cells[0].outcome) == ("diverged", "load-failed")
    assert [cell.skew for cell in report.cells] == [None, "diverged"]


def test_other_data_is_told_from_other_processing(made):
    made.other_data = True
    report = skewed(made, z_scores(RAW), RAW)
    assert (report.skews[0].other_data, report.skews[0].diagnoses, report.skews[0].verdict) == (
        True,
        [],
        None,
    )
    assert report.exit_status == 4, "held against nothing is neither a pass nor a difference"
    assert "given different raw data" in report.cases[0].says


def record(libraries, brought=(), beside=None):
    part = StagePart(libraries=dict(libraries), brought=dict(brought))
    return StageRecord(OLD, "c", "preprocess", Outcome.RECORDED, None, recording(), beside, part)


def test_what_a_library_brought_in_is_blamed_only_where_no_named_one_changed():
    one = record({"librosa": "1", "numpy": "1"}, {"soxr": "1"})
    assert changed_libraries(one, record({"librosa": "2", "numpy": "2"}, {"soxr": "2"})) == [
        "librosa 1 → 2",
        "NumPy 1 → 2",
    ]
    assert changed_libraries(one, record({"librosa": "1", "numpy": "1"}, {})) == ["soxr 1 → none"]


def test_libraries_beside_are_factors_of_their_own():
    pipeline = Pipeline("preprocess", [record({"numpy": "2"}, {"soxr": "1"}, beside="beside-1")])
    assert stage_factors({"preprocess": pipeline}) == {
        str(OLD): {"NumPy (beside)": "2", "soxr (beside)": "1"}
    }


def test_outputs_behind_a_model_are_added_under_a_name_of_their_own():
    made = output(entry())
    behind = StageRecord(OLD, "c", "postprocess", Outcome.RECORDED, None, recording(outputs=[made]), None)
    found = with_postprocess(RecordedOutputs((made,)), behind)
    assert [each.name for each in found.outputs] == ["y", "postprocess/y"]
    assert [each.name for each in found.behind] == ["postprocess/y"]


SURROUNDINGS = [EVERYTHING, SEEDED, SEEDED_AGAIN, "time zone", "locale", "threads"]


@pytest.mark.parametrize(
    ("results", "name"),
    [
        ({SEEDED: 2, SEEDED_AGAIN: 2, "time zone": 2, "locale": 2, "threads": 2}, "hash-seed"),
        ({SEEDED: 1, SEEDED_AGAIN: 1, "time zone": 3, "locale": 1, "threads": 1}, "machine-time-zone"),
        ({SEEDED: 1, SEEDED_AGAIN: 1, "time zone": 1, "locale": 4, "threads": 1}, "machine-locale"),
        ({SEEDED: 1, SEEDED_AGAIN: 5, "time zone": 6, "locale": 7, "threads": 8}, "not-deterministic"),
    ],
)
def test_equal_results_that_depend_on_the_process_are_no_agreement(made, results, name):
    for stage in ("train", "serve"):
        made.ran_in(stage, EVERYTHING, RAW * 9)
        for way, factor in results.items():
            made.ran_in(stage, way, RAW * factor)
    report = skewed(made, RAW, RAW)
    (diagnosis,) = report.skews[0].diagnoses
    assert diagnosis.id == name
    assert diagnosis.line
    assert diagnosis.title.startswith("what training and serving make depends on ")
    assert not report.skews[0].identical
    assert report.skews[0].verdict == "incomparable"
    assert report.exit_status == 1


def test_rounding_in_other_threads_is_no_dependence(made):
    for way in SURROUNDINGS:
        made.ran_in("serve", way, RAW * np.float32(1 + 2**-22))
    report = skewed(made, RAW, RAW)
    assert report.skews[0].diagnoses == []
    assert report.skews[0].identical


def parts_of(made, way, values):
    return {"way": way, "batch": 0, "samples": len(values), "outputs": [output(made.entry(values), "x")]}


def test_samples_that_depend_on_their_batch_are_named_by_running_parts(made):
    ranks = np.argsort(np.argsort(RAW, axis=0), axis=0).astype("f4")
    fixed = np.sqrt(RAW).astype("f4")
    made.outputs = {OLD: [5.0, 6.0], NEW: [5.0, 6.0]}
    for cell in (OLD, NEW):
        made.stage(cell, "train", fixed, facts={"parts": [parts_of(made, "halves", fixed)]})
        made.stage(cell, "serve", ranks, facts={"parts": [parts_of(made, "halves", ranks % 10)]})
    made.trained = made.recording([1.0, 2.0])
    (diagnosis,) = made.report(COMPARED).skews[0].diagnoses
    assert diagnosis.id == "per-batch-statistics"
    assert "in two halves" in diagnosis.proof
    assert diagnosis.serve.startswith("statistics of the whole batch")


def test_tensors_that_are_the_same_for_every_input_say_nothing(made):
    report = skewed(made, np.zeros_like(RAW), np.zeros_like(RAW))
    assert "says nothing" in report.skews[0].says
    assert (report.skews[0].identical, report.skews[0].verdict) == (False, "incomparable")


def test_8_bit_rounding_fails_no_run_and_is_no_fault_of_serving(made):
    image = np.random.default_rng(0).uniform(0, 255, (20, 8, 8, 3))
    other = image + np.random.default_rng(1).normal(0, 0.2, image.shape)
    report = skewed(made, np.rint(image).astype("f4"), np.clip(np.rint(other), 0, 255).astype("f4"))
    (diagnosis,) = report.skews[0].diagnoses
    assert (diagnosis.id, diagnosis.harmless) == ("8-bit-rounding", True)
    assert report.skews[0].verdict == "float-noise"
    assert "8 bits" not in report.cases[0].says


def test_an_unnamed_difference_says_where_and_shows_the_worst(made):
    other = RAW.copy()
    other[4, 1] += 100
    other[7, 2] -= 3
    report = skewed(made, RAW, other)
    (says,) = report.skews[0].unexplained
    assert "in samples 4, 7 (of 20)" in says
    assert report.skews[0].worst[0].startswith("batch 0, x [4, 1]: ")
    assert "for example batch 0, x [4, 1]" in "\n".join(pipeline_lines(report))


def test_what_depends_on_the_working_folder_is_named_before_chance(made):
    for stage in ("train", "serve"):
        for number, way in enumerate(SURROUNDINGS):
            made.ran_in(stage, way, RAW * (2 + number))
    there = {"in_another_folder": [output(made.entry(RAW * 3), "x")]}
    made.outputs = {OLD: [5.0, 6.0], NEW: [5.0, 6.0]}
    for cell in (OLD, NEW):
        for stage in ("train", "serve"):
            made.stage(cell, stage, RAW, facts=there)
    made.trained = made.recording([1.0, 2.0])
    (diagnosis,) = made.report(COMPARED).skews[0].diagnoses
    assert diagnosis.id == "machine-folder"
    assert diagnosis.line
