"""Models that are random or remember earlier calls: over releases, and with a change that has to be found."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from probe_requests import Probing, floor
from savedmodel_matrix.domain.arrays import OutputId
from savedmodel_matrix.domain.distribution import DistributionPart
from savedmodel_matrix.domain.exit_status import ExitStatus
from savedmodel_matrix.domain.noise_floor import MeasuredFloor, NoiseFloorPart
from savedmodel_matrix.domain.probe_request import Measure
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.probe.arrays import read_array
from savedmodel_matrix.verdicts.judge.case import JudgedCase
from savedmodel_matrix.verdicts.judge.distribution import judge_distribution
from test_legacy import OLD, written

HERE = "tf2.15.1-py3.11-cpu"
RANDOM = ("noise", "offset", "dropout", "chosen")
REMEMBERING = ("counted", "seeded", "lstm")
RUNS = Measure(kind="distribution", parameters={"runs": 500, "seconds": 100.0})


@pytest.fixture(scope="module")
def models(environment, tmp_path_factory):
    return written(environment(OLD), tmp_path_factory.mktemp("drawing"), "drawing_models.py")


def inputs(name):
    shape = (2, 2, 1, 3) if name.startswith("lstm") else (2, 4, 3)
    return np.random.default_rng(0).normal(size=shape).astype("f4")


@pytest.fixture(scope="module")
def probed(environment, models, tmp_path_factory):
    """Return the folder of arrays, and the recording of each model and measurement, in one release."""
    probing = Probing(tmp_path_factory.mktemp("probing"), models, python=environment(HERE))
    for name in (each + suffix for each in (*RANDOM, *REMEMBERING) for suffix in ("", "-changed")):
        batches = [probing.numbers(batch) for batch in inputs(name)]
        if name.startswith(REMEMBERING):
            probing.add(f"{name} outputs", name, batches=batches)
            probing.add(f"{name} floor", name, batches=batches, measure=floor(16, 1), time_limit_s=400)
            probing.add(f"{name} carried", name, batches=batches, carry_on=True)
        else:
            for again in ("", " again") if name in RANDOM else ("",):
                key = f"{name} runs{again}"
                probing.add(key, name, batches=batches, measure=RUNS, time_limit_s=400)
    results = probing.run()
    assert {key: each["reason"] for key, each in results.items()} == dict.fromkeys(results)
    return probing, probing.recordings()


def distributions(probed, one, other):
    probing, found = probed
    parts = [DistributionPart.model_validate(found[key].measured) for key in (one, other)]
    samples = [{sample.id: sample for sample in part.samples} for part in parts]
    return {
        output: judge_distribution(samples[0][output], samples[1][output], 20, reader(probing))
        for output in samples[1]
        if samples[1][output].varies
    }


def reader(probing):
    return lambda entry: read_array(str(probing.folder / "objects"), entry.to_json(), mmap=True)


@pytest.mark.parametrize("name", RANDOM)
def test_two_processes_have_one_distribution(probed, name):
    found = distributions(probed, f"{name} runs again", f"{name} runs")
    assert {output.name for output in found} == {
        "noise": {"noisy", "uniform"},
        "offset": {"noisy", "uniform"},
        "dropout": {"y"},
        "chosen": {"label", "word"},
    }[name]
    assert {each.verdict for each in found.values()} == {Verdict.FLOAT_NOISE}
    assert all(each.detectable_shift < 0.4 for each in found.values())


@pytest.mark.parametrize(
    ("name", "output"), [("noise", "noisy"), ("offset", "uniform"), ("dropout", "y"), ("chosen", "label")]
)
def test_a_changed_distribution_is_found(probed, name, output):
    found = distributions(probed, f"{name}-changed runs", f"{name} runs")
    assert {each.verdict for id_, each in found.items() if id_.name == output} == {Verdict.DIVERGED}
    untouched = {each.verdict for id_, each in found.items() if id_.name not in (output, "word")}
    assert untouched <= {Verdict.FLOAT_NOISE}


def judged(probed, name, other):
    probing, found = probed
    measured = found[f"{name} floor"]
    noise = MeasuredFloor(RecordedOutputs.of(measured), NoiseFloorPart.model_validate(measured.measured))
    cells = {
        "base/default": RecordedOutputs.of(found[f"{name} outputs"]),
        "other/default": RecordedOutputs.of(found[f"{other} outputs"]),
    }
    names = {output.name for output in found[f"{name} outputs"].outputs}
    return JudgedCase(cells, "base/default", noise, None, {}, reader(probing), names, names)


@pytest.mark.parametrize("name", REMEMBERING)
def test_every_call_is_compared_and_a_change_is_found(probed, name):
    same = judged(probed, name, name)
    assert not same.nondeterministic
    assert {output.call for output in same.standings} == {1, 2}
    assert all(standing.floor for standing in same.standings.values())
    found = {
        each.output: each.judgement.verdict
        for each in judged(probed, name, f"{name}-changed").judge("other/default", "base/default")
    }
    second = {verdict for output, verdict in found.items() if output.call == 2}
    assert second == {Verdict.DIVERGED}
    if name == "lstm":  # what is carried matters from the second call on
        assert {verdict for output, verdict in found.items() if output.call == 1} == {Verdict.IDENTICAL}


@pytest.mark.parametrize("name", REMEMBERING)
def test_batches_begin_anew_unless_they_are_to_carry_on(probed, name):
    probing, found = probed

    def arrays(key):
        read = reader(probing)
        return {output.id: read(output.array) for output in found[f"{name} {key}"].outputs}

    anew, carried = arrays("outputs"), arrays("carried")
    (output,) = {each.name for each in anew}
    first, second = OutputId(0, output, None), OutputId(1, output, None)
    assert np.array_equal(anew[first], carried[first])
    assert not np.array_equal(anew[second], carried[second])


def test_all_of_them_are_compared_over_releases(models, new_project):
    project = new_project
    text = (
        'baseline = "tf2.15*"\nrandom = { runs = 400 }\n\n[[environments]]\ntensorflow = ["2.15", "2.21"]\n'
    )
    for name in ("noise", "dropout", "chosen", *REMEMBERING):
        shutil.copytree(models / name, project.root / "examples/models" / name)
        names = []
        for number, batch in enumerate(inputs(name)):
            names.append(f"{name}-{number}.npz")
            np.savez(project.root / names[-1], x=batch)
        listed = ", ".join(f'{{ npz = "{each}" }}' for each in names)
        text += f'\n[cases.{name}]\npath = "examples/models/{name}"\ninputs = [{listed}]\n'
    project.matrix(text)
    run = project.nox("-s", "matrix")
    assert run.status == ExitStatus.OK
    report = project.report()
    cells = {row.case: row for row in report.cells if row.environment.startswith("tf2.21")}
    assert {name: row.distributions for name, row in cells.items()} == {
        "noise": ["noisy", "uniform"],
        "dropout": ["y"],
        "chosen": ["label", "word"],
        **{name: [] for name in REMEMBERING},
    }
    assert all(row.not_compared == [] for row in cells.values())
    for name in ("noise", "dropout", "chosen"):
        assert cells[name].verdict is Verdict.FLOAT_NOISE
    calls = {row.output for row in report.divergences if row.case == "lstm"}
    assert calls == {"y", "y, call 2"}
    assert {row.verdict for row in report.distributions} == {Verdict.FLOAT_NOISE}
    assert "5 random outputs compared as distributions" in run.text
    # Nothing is left to ask.
    assert "nothing changed" in project.nox("-s", "matrix").output
