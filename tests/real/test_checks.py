"""Every check on real models that fail it for a true reason, and three that pass; checks in a matrix."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from probe_requests import Probing, floor
from probe_requests import check as asked
from project import CNN, REPOSITORY, matrix_text
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.check import RECIPES, Check, CheckVerdict
from savedmodel_matrix.domain.definition import SettingDefinition
from savedmodel_matrix.domain.job import Job
from savedmodel_matrix.domain.noise_floor import MeasuredFloor
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.domain.trait import TraitKind
from savedmodel_matrix.measurements.check import CheckMeasurement
from savedmodel_matrix.measurements.noise_floor import NoiseFloorMeasurement
from savedmodel_matrix.measurements.other_threads import with_other_threads
from savedmodel_matrix.models.savedmodel.sources import read_traits
from savedmodel_matrix.probe.arrays import read_array
from savedmodel_matrix.verdicts.judge.case import JudgedCase
from savedmodel_matrix.verdicts.judge.checks import changing, judge_check
from savedmodel_matrix.verdicts.judge.ruler import Ruler

OLDEST, MIDDLE = "tf2.4.4-py3.8-cpu", "tf2.15.1-py3.11-cpu"
CODE = Path(__file__).parent / "check_code"
LEAKING = REPOSITORY / "benchmarks/planted/leaking_loader.py"
CELL = CellId("base", "default")
BASE = str(CELL)
CLEAN = ("dense", "convolution", "texts")
#: Of these models what is meant to fail: the check, what is found, and words of the sentence.
FAILING = [
    ("counter", Check.REPEAT, "counter", "'y' changes by +0.25 with every call"),
    ("remembers", Check.REPEAT, "settles", "'y' settles after 1 call"),
    ("drops", Check.REPEAT, "random", "'y' differs on every call"),
    ("normalises", Check.REPEAT, "state", "calls change the variables moving_mean:0, moving_variance:0"),
    ("calls+hashes", Check.FRESH_PROCESS, "process-dependent", "two processes differ in 'y'"),
    ("numbers", Check.REPEAT, "order-dependent", "'number' depends on the order of requests"),
    ("adapts", Check.REPEAT, "another signature", "after signature 'adapt'"),
    ("drops", Check.FRESH_PROCESS, "process-dependent", "so do two runs in one process"),
    ("calls+held", Check.CONCURRENT, "not re-entrant", "the result of another input"),
    ("calls+raises", Check.CONCURRENT, "not re-entrant", "raised an error, while none did in one thread: "),
    (
        "calls+locks",
        Check.CONCURRENT,
        "deadlock",
        "8 of 8 threads never returned; they are waiting in locks.py:",
    ),
    ("dense+opens", Check.RELOAD, "keeps what it opens", "not released: file descriptors, 1 per load"),
    (
        "dense+corrects",
        Check.RELOAD,
        "state outlives the model",
        "gives a different result from the first load",
    ),
    ("dense+leaks", Check.LEAK, "leaks", "MiB per load"),
    ("calls+collects", Check.LEAK, "leaks", "per call"),
    ("softmax", Check.BATCH, "batch-dependent", "rows depend on the rest of the batch (row by row)"),
    ("normalises", Check.BATCH, "batch-dependent", "rows depend on the rest of the batch"),
]
#: Enough of them to see that the oldest release, with another TensorFlow inside and out, is no exception.
OLD_TOO = [FAILING[place] for place in (0, 8, 10, 13)]
#: What can be told of none: there is nothing to hold it against.
UNKNOWN = [
    ("counter", Check.CONCURRENT),
    ("drops", Check.RELOAD),
    ("drops", Check.THREADS),
    ("counter+one", Check.BATCH),
]


@pytest.fixture(scope="module")
def models(environment, tmp_path_factory):
    """Models written by the oldest release, which all can load."""
    folder = tmp_path_factory.mktemp("models")
    script = Path(__file__).with_name("check_models.py")
    done = subprocess.run([environment(OLDEST), script, folder], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


class Checked:
    """A release, and what the checks of some cases came to in it."""

    def __init__(self, folder, models, python):
        self._probing = Probing(folder, models, python=python)
        self._asked = []

    def ask(self, case, check):
        """Have one check of a case run; a case is MODEL or MODEL+MODULE."""
        if case not in [each for each, _ in self._asked]:
            self._add(case, "plain")
            self._add(case, "floor", measure=floor(8, 1))
        after = self._probing.result(f"{case}-plain")
        if check is Check.THREADS:
            setting = with_other_threads(SettingDefinition()).model_dump(exclude={"variables", "loader"})
            self._add(case, check, setting=setting, after=after)
        elif check is Check.FRESH_PROCESS:
            self._add(case, check, fresh_process=True, after=after)
        else:
            recipe = {**RECIPES[check].parameters, "patience_s": 3.0}
            self._add(case, check, measure=asked(check.value, **recipe), after=after)
        self._asked.append((case, check))

    def _add(self, case, what, **changed):
        model, _, code = case.partition("+")
        rows = 1 if code == "one" else 3
        x = np.linspace(-1, 1, 4 * rows, dtype=np.float32).reshape(rows, 4)
        # One input runs up and the other down: the locks are taken in both orders.
        arrays = [x] if code == "one" else [x, np.ascontiguousarray(x[:, ::-1])]
        if model == "cancels":
            arrays = [np.ones((rows, 4), np.float32)]
        if what in (Check.REPEAT, Check.LEAK):
            arrays = arrays[:1]
        entries = [self._probing.array(array, "float32") for array in arrays]
        modules = [str(CODE / "registers.py")] if model == "calls" else []
        if code == "leaks":
            modules.append(str(LEAKING))
        elif code and code != "one":
            modules.append(str(CODE / f"{code}.py"))
        batches = [[{"name": "x", "component": None, "array": entry}] for entry in entries]
        self._probing.add(f"{case}-{what}", model, batches=batches, modules=modules, **changed)

    def results(self):
        """Run it all; return the results of the checks by case and check."""
        self._probing.run()
        found = self._probing.recordings()
        return {(case, check): self._judged(found, case, check) for case, check in dict.fromkeys(self._asked)}

    def _judged(self, found, case, check):
        plain, noise = found[f"{case}-plain"], found[f"{case}-floor"]
        assert plain.is_recorded, plain
        assert noise.is_recorded, noise

        def read(entry):
            return read_array(str(self._probing.folder / "objects"), entry.to_json())

        def part_of(check):
            recording = found.get(f"{case}-{check}")
            if recording is None or not recording.is_recorded:
                return None
            return CheckMeasurement().read(recording, Job(CELL, case, None, "check", check.value))

        spread = NoiseFloorMeasurement().read(noise, Job(CELL, case, None, "noise floor"))
        measured = MeasuredFloor(RecordedOutputs.of(noise), spread)
        judged = JudgedCase({BASE: RecordedOutputs.of(plain)}, BASE, measured, None, {}, read, (), ())
        ruler = Ruler(judged, {}, changing(part_of(Check.REPEAT)), read)
        return judge_check(check, found[f"{case}-{check}"], part_of(check), plain, ruler)


@pytest.fixture(scope="module")
def middle(tmp_path_factory, models, environment):
    checked = Checked(tmp_path_factory.mktemp("middle"), models, environment(MIDDLE))
    for case in CLEAN:
        for check in Check:
            checked.ask(case, check)
    for case, check, *_ in FAILING:
        checked.ask(case, check)
    others = [(case, Check.CONCURRENT) for case in ("holds", "numbers", "adapts")]
    others += [("counter", Check.BATCH), ("cancels", Check.THREADS)]
    for case, check in [*UNKNOWN, *others]:
        checked.ask(case, check)
    return checked.results()


@pytest.fixture(scope="module")
def oldest(tmp_path_factory, models, environment):
    checked = Checked(tmp_path_factory.mktemp("oldest"), models, environment(OLDEST))
    for check in (Check.REPEAT, Check.CONCURRENT, Check.LEAK):
        checked.ask("dense", check)
    for case, check, *_ in OLD_TOO:
        checked.ask(case, check)
    return checked.results()


@pytest.mark.parametrize("check", Check)
@pytest.mark.parametrize("case", CLEAN)
def test_models_in_order_pass(middle, case, check):
    result = middle[case, check]
    assert result.verdict in (CheckVerdict.PASSES, CheckVerdict.FLOAT_NOISE), result.says


def test_a_model_in_order_passes_in_the_oldest_release(oldest):
    for check in (Check.REPEAT, Check.CONCURRENT, Check.LEAK):
        result = oldest["dense", check]
        assert result.verdict in (CheckVerdict.PASSES, CheckVerdict.FLOAT_NOISE), result.says


@pytest.mark.parametrize(("case", "check", "kind", "words"), FAILING)
def test_every_check_can_fail_and_names_what_it_found(middle, case, check, kind, words):
    result = middle[case, check]
    assert (result.verdict, result.kind) == (CheckVerdict.FAILS, kind), result.says
    assert words in result.says


@pytest.mark.parametrize(("case", "check", "kind", "words"), OLD_TOO)
def test_so_it_can_in_the_oldest_release(oldest, case, check, kind, words):
    result = oldest[case, check]
    assert (result.verdict, result.kind) == (CheckVerdict.FAILS, kind), result.says
    assert words in result.says


def test_variables_that_calls_change_are_named(middle):
    assert "calls change the variables count:0" in middle["counter", Check.REPEAT].says
    assert "the outputs do not show it" in middle["normalises", Check.REPEAT].says


def test_state_is_blamed_neither_on_threads_nor_on_the_batch(middle):
    # The numbers are given before the threads begin, and the batch check loads the model for each call.
    assert middle["numbers", Check.CONCURRENT].verdict is CheckVerdict.PASSES
    assert middle["adapts", Check.CONCURRENT].verdict is CheckVerdict.PASSES
    assert middle["counter", Check.BATCH].verdict is CheckVerdict.PASSES


def test_the_graph_says_who_writes(models):
    def named(model):
        graph, *_ = read_traits(models / model)
        return [
            (each.kind, each.subject, each.signature)
            for traits in graph.signatures["serving_default"].values()
            for each in traits
        ]

    assert named("dense") == named("convolution") == named("texts") == []
    assert named("counter") == [(TraitKind.WRITES, "count", "")] * 2
    assert {(kind, other) for kind, _, other in named("adapts")} == {(TraitKind.WRITTEN_ELSEWHERE, "adapt")}
    assert [kind for kind, *_ in named("numbers")] == [TraitKind.WRITES]
    assert [kind for kind, *_ in named("drops")] == [TraitKind.RANDOM]
    assert [kind for kind, *_ in named("calls")] == [TraitKind.PYTHON]
    assert TraitKind.STATISTIC in {kind for kind, *_ in named("normalises")}


def test_a_deadlock_comes_with_the_stacks_of_all_threads(middle):
    result = middle["calls+locks", Check.CONCURRENT]
    assert result.details.count("thread 0:\n") == 1
    assert "with second:" in result.details
    assert "<probe>" in result.details
    assert str(CODE.parents[3]) not in result.says


def test_a_variable_that_is_written_and_read_back_is_no_place_for_two_callers(middle):
    result = middle["holds", Check.CONCURRENT]
    assert (result.verdict, result.kind) == (CheckVerdict.FAILS, "not re-entrant"), result.says


def test_how_threads_share_the_work_of_a_sum_is_rounding(middle):
    """Terms of 1e9 that cancel: the sum moves by 128, and by more where each addition rounds otherwise."""
    result = middle["cancels", Check.THREADS]
    assert (result.verdict, result.kind) == (CheckVerdict.FLOAT_NOISE, None), result.says
    assert result.says.startswith("one thread and many threads agree up to rounding (largest difference: ")


@pytest.mark.parametrize(("case", "check"), UNKNOWN)
def test_what_cannot_be_told_is_no_pass(middle, case, check):
    assert middle[case, check].verdict is CheckVerdict.NOT_RUN
    assert middle[case, check].says


MATRIX = """
[cases.counter]
path = "counter"
inputs = [{ generate = { seed = 1, batch = 3 } }]
checks = ["repeat", "batch"]
"""
EXPECT = """
[[expect]]
cells = "*"
cases = "counter"
check = "repeat"
reason = "it counts"
owner = "the tests"
until = 2999-12-31
"""


def test_checks_are_part_of_the_matrix(new_project, models):
    shutil.copytree(models / "counter", new_project.root / "counter")
    steady = CNN + 'checks = ["repeat", "fresh-process", "batch", "threads"]\n'
    new_project.matrix(matrix_text("2.15", rest=steady + MATRIX))
    first = new_project.nox("-s", "matrix")
    assert first.status == 1, "a check that fails is a failure"
    report = new_project.report()
    verdicts = {(row.case, row.check): row.verdict for row in report.checks}
    assert verdicts["counter", Check.REPEAT] is CheckVerdict.FAILS
    assert verdicts["counter", Check.BATCH] is CheckVerdict.PASSES
    for check in (Check.REPEAT, Check.FRESH_PROCESS, Check.BATCH, Check.THREADS):
        assert verdicts["cnn", check] in (CheckVerdict.PASSES, CheckVerdict.FLOAT_NOISE)
    assert "counter: repeat fails in tf2.15.1-py3.11-cpu/default: 'y' changes by +0.25" in first.text
    assert "FAILS (counter)" in new_project.markdown()
    recordings = new_project.recordings()

    # What is known is not run again, and an expectation covers one check and nothing else.
    new_project.matrix(matrix_text("2.15", rest=steady + MATRIX.replace(', "batch"', "") + EXPECT))
    second = new_project.nox("-s", "matrix")
    assert new_project.recordings() == recordings
    assert second.status == 0, second.output
    report = new_project.report()
    assert [row.expected for row in report.checks if row.case == "counter"] == ["it counts"]
    assert [row.covers for row in report.expectations] == [1]
    assert json.loads((new_project.results / "latest/report.json").read_text())["exit_status"] == 0
    assert "nothing changed" in new_project.nox("-s", "matrix").output


def test_what_does_not_load_is_not_loaded_again_for_each_check(tmp_path, environment):
    probing = Probing(tmp_path, tmp_path, python=environment(OLDEST))
    probing.add("plain", "nowhere")
    repeat = asked("repeat", runs=8)
    probing.add("shared", "nowhere", measure=repeat, after=probing.result("plain"))
    probing.add("own", "nowhere", measure=repeat, after=probing.result("nothing"))
    found = probing.run()
    assert found["plain"]["outcome"] == found["shared"]["outcome"] == found["own"]["outcome"] == "load-failed"
    assert found["shared"]["reason"] == found["plain"]["reason"]
    assert "load" in found["own"]["phases"]
    assert "load" not in found["shared"]["phases"]
    assert found["shared"]["measured"] is found["own"]["measured"] is None
