"""One case judged from recordings that lie in a folder, as a run would have left them."""

from __future__ import annotations

import numpy as np
import pytest
from recordings import DTYPES, measured_floor, output, stored
from savedmodel_matrix.domain.arrays import ArrayEntry, OutputId
from savedmodel_matrix.domain.definition import ToleranceDefinition
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.probe.arrays import read_array
from savedmodel_matrix.probe.measurements.noise_floor import Spread
from savedmodel_matrix.verdicts.judge.case import Caveat, JudgedCase
from savedmodel_matrix.verdicts.judge.output import Decision, Measure

BASE, OTHER = "base/default", "other/default"
SCORES = np.float32([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.4, 0.4 + 1e-6, 0.2]])
NOISE = 1e-6


class Case:
    """Recordings in the making."""

    def __init__(self, folder):
        self.objects = str(folder)
        self.random = np.random.default_rng(0)
        self.recorded = {}
        self.floor = None
        self.threads = None
        self.limits = {}

    def entries(self, outputs, batch=0):
        return tuple(output(stored(self.objects, value), name, batch) for name, value in outputs.items())

    def cell(self, cell, unstable=(), **outputs):
        entries = self.entries(outputs)
        again = frozenset(each.id for each in entries if each.name in unstable)
        self.recorded[cell] = RecordedOutputs(entries, again)

    def measure(self, replicates, moved=1, split=None, *, anew=False, **outputs):
        """Record the floor: ``replicates`` is called for each replicate of each output."""
        measured = []
        for name, value in outputs.items():
            spread = Spread(name, None, value, DTYPES[value.dtype.kind])
            for _ in range(16):
                spread.add(replicates(name, value))
            measured.append(spread.entry(self.objects, 0))
        self.floor = measured_floor(
            self.entries(outputs),
            measured,
            inputs=moved,
            variables=0,
            split=self.entries(split or {}),
            anew=anew,
        )

    def noisy(self, name, value):
        if value.dtype.kind != "f":
            return value
        return (value + NOISE * self.random.normal(size=value.shape)).astype("f4")

    def judged(self, moving=(), restarting=()):
        return JudgedCase(
            self.recorded,
            BASE,
            self.floor,
            self.threads,
            self.limits,
            lambda entry: read_array(self.objects, entry.to_json(), mmap=True),
            moving,
            restarting,
        )

    def verdict(self, name="scores"):
        (found,) = [each for each in self.judged().judge(OTHER, BASE) if each.output.name == name]
        return found


@pytest.fixture
def case(tmp_path):
    made = Case(tmp_path)
    made.cell(BASE, scores=SCORES)
    return made


def test_rounding_is_noise_and_a_thousandth_is_not(case):
    case.measure(case.noisy, scores=SCORES)
    case.cell(OTHER, scores=case.noisy("scores", SCORES))
    assert case.verdict().judgement.verdict is Verdict.FLOAT_NOISE
    case.cell(OTHER, scores=SCORES * np.float32(1.001))
    found = case.verdict()
    assert (found.judgement.verdict, found.judgement.by) == (Verdict.DIVERGED, Measure.NOISE_FLOOR)
    assert found.ratio.worst > 10


def test_a_flip_within_the_noise_is_benign_in_scores_and_labels(case):
    labels = SCORES.argmax(1)
    case.cell(BASE, scores=SCORES, labels=labels)

    def together(_, value):
        factor = np.float32(1 + NOISE * case.random.normal())
        return value * factor if value.dtype.kind == "f" else value

    # No replicate flips it, since both candidates move alike: the margin alone tells.
    case.measure(together, scores=SCORES, labels=labels)
    moved = SCORES.copy()
    moved[2] = moved[2, [1, 0, 2]]
    case.cell(OTHER, scores=moved, labels=moved.argmax(1))
    for name in ("scores", "labels"):
        found = case.verdict(name).judgement
        assert (found.verdict, found.decision) == (Verdict.FLOAT_NOISE, Decision.BENIGN), name


def test_a_flip_beyond_the_noise_is_real_in_both(case):
    case.cell(BASE, scores=SCORES, labels=SCORES.argmax(1))
    case.measure(case.noisy, scores=SCORES, labels=SCORES.argmax(1))
    moved = SCORES.copy()
    moved[0] = moved[0, ::-1]
    case.cell(OTHER, scores=moved, labels=moved.argmax(1))
    for name in ("scores", "labels"):
        found = case.verdict(name).judgement
        assert (found.verdict, found.decision) == (Verdict.DIVERGED, Decision.REAL), name


def test_a_label_alone_that_changes_is_real(case):
    case.cell(BASE, scores=SCORES, labels=np.array([0, 1, 1]))
    case.measure(case.noisy, scores=SCORES, labels=np.array([0, 1, 1]))
    case.cell(OTHER, scores=SCORES, labels=np.array([0, 2, 1]))
    found = {each.output.name: each.judgement for each in case.judged().judge(OTHER, BASE)}
    assert found["scores"].verdict is Verdict.IDENTICAL
    assert (found["labels"].verdict, found["labels"].decision) == (Verdict.DIVERGED, Decision.REAL)


def test_what_differs_between_runs_is_blamed_on_no_axis(case):
    case.cell(BASE, scores=SCORES, random=np.float32([1, 2]))
    case.cell(OTHER, scores=SCORES, random=np.float32([3, 4]), unstable=["random"])
    judged = case.judged()
    assert [each.output.name for each in judged.judge(OTHER, BASE)] == ["scores"]
    assert judged.groups == [(BASE, OTHER)]
    assert judged.nondeterministic == {
        OutputId(0, "random", None): f"two runs in one process differ in {OTHER}"
    }
    assert Caveat.NONDETERMINISTIC in judged.standings[OutputId(0, "random", None)].caveats


def test_what_differs_between_processes_is_not_compared_either(case):
    case.measure(case.noisy, scores=SCORES + np.float32(1))
    case.cell(OTHER, scores=SCORES)
    assert case.judged().nondeterministic == {OutputId(0, "scores", None): f"two processes differ in {BASE}"}


def test_threads_raise_a_floor_that_is_too_low(case):
    case.measure(lambda _, value: case.noisy(_, value) * np.float32(1), scores=SCORES)
    quiet = case.judged().standings[OutputId(0, "scores", None)].floor
    apart = SCORES + np.float32(5 * NOISE) * np.float32([[1, -1, 1]])
    case.threads = RecordedOutputs(case.entries({"scores": apart}))
    case.cell(OTHER, scores=apart)
    raised = case.judged().standings[OutputId(0, "scores", None)]
    assert raised.floor.raised > 2 * quiet.raised
    assert raised.caveats == {}
    assert case.verdict().ratio.worst == pytest.approx(1)


def test_what_depends_on_the_batch_is_said_and_raises_no_floor(case):
    case.measure(case.noisy, scores=SCORES, split={"scores": SCORES * np.float32(1.1)})
    standing = case.judged().standings[OutputId(0, "scores", None)]
    assert standing.floor.raised == 1
    assert "a different batch size changes it by" in standing.caveats[Caveat.BATCH_DEPENDENT]


def test_a_jump_is_noise_only_as_often_as_replicates_jump(case):
    base = np.linspace(1, 50, 600, dtype="f4").reshape(200, 3)

    def jumping(_, value):
        jumps = case.random.random(value.shape) < 0.02
        return (value + jumps).astype("f4")

    case.cell(BASE, scores=base)
    case.measure(jumping, scores=base)
    case.cell(OTHER, scores=jumping("scores", base))
    found = case.verdict()
    assert found.judgement.verdict is Verdict.FLOAT_NOISE
    caveats = case.judged().standings[OutputId(0, "scores", None)].caveats
    assert "jump when inputs and weights change" in caveats[Caveat.ILL_CONDITIONED]
    case.cell(OTHER, scores=base + np.float32(2))
    assert case.verdict().judgement.verdict is not Verdict.FLOAT_NOISE


def test_a_label_that_replicates_change_is_ill_conditioned(case):
    labels = np.array([0, 1, 2])
    case.cell(BASE, labels=labels)
    case.measure(lambda _, value: case.random.permutation(value), labels=labels)
    standing = case.judged().standings[OutputId(0, "labels", None)]
    assert "change when inputs and weights change" in standing.caveats[Caveat.ILL_CONDITIONED]
    case.cell(OTHER, labels=labels[::-1].copy())
    assert case.verdict("labels").judgement.decision is Decision.BENIGN


def test_a_constant_output_proves_nothing(case):
    case.cell(BASE, scores=np.ones((3, 3), "f4"))
    assert (
        "every element is the same"
        in (case.judged().standings[OutputId(0, "scores", None)].caveats[Caveat.DEGENERATE])
    )


@pytest.mark.parametrize(
    ("measured", "why"),
    [
        (lambda case: None, "its noise was not measured"),
        (
            lambda case: case.measure(case.noisy, moved=0, scores=SCORES),
            "the model has no float inputs or weights to perturb",
        ),
        (lambda case: case.measure(lambda *_: np.ones((2, 2), "f4"), scores=SCORES), "its shape changes"),
    ],
)
def test_without_a_floor_the_default_tolerance_decides_and_the_reason_is_known(case, measured, why):
    measured(case)
    case.cell(OTHER, scores=SCORES + np.float32(1e-6))
    standing = case.judged().standings[OutputId(0, "scores", None)]
    assert standing.floor is None
    assert why in standing.no_floor
    assert case.verdict().judgement.by is Measure.DEFAULT


def test_a_matrixs_own_limit_decides(case):
    case.measure(case.noisy, scores=SCORES)
    case.cell(OTHER, scores=SCORES * np.float32(1.001))
    case.limits = {"scores": ToleranceDefinition(rtol=0.01)}
    found = case.verdict()
    assert (found.judgement.verdict, found.judgement.by) == (Verdict.FLOAT_NOISE, Measure.TOLERANCE)
    assert found.ratio.worst > 10, "what the floor says is shown all the same"


def test_another_shape_is_incomparable_with_or_without_a_floor(case):
    case.measure(case.noisy, scores=SCORES)
    case.cell(OTHER, scores=SCORES[:2])
    assert case.verdict().judgement.verdict is Verdict.INCOMPARABLE


def test_entries_are_those_of_the_recordings(case):
    judged = case.judged()
    (standing,) = judged.standings.values()
    assert isinstance(standing.array, ArrayEntry)
    assert standing.array.shape == SCORES.shape


def test_what_moves_on_is_no_noise(case):
    case.measure(case.noisy, scores=SCORES)
    case.cell(OTHER, scores=case.noisy("scores", SCORES))
    (found,) = case.judged(moving={"scores"}).judge(OTHER, BASE)
    assert found.ratio is None
    (standing,) = case.judged(moving={"scores"}).standings.values()
    assert (standing.floor, standing.no_floor) == (
        None,
        "it depends on random numbers or changing state, which are not noise",
    )


def test_a_few_flipped_last_bits_are_no_measure_of_noise(case):
    sure = np.tile(np.float32([1, 0, 0, 0]), (40, 1))
    case.cell(BASE, scores=sure)

    def flipping(_, value):
        flipped = value.copy()
        flipped[3, 0] = np.nextafter(flipped[3, 0], np.float32(0)) if case.random.random() < 0.5 else 1
        return flipped

    case.measure(flipping, scores=sure)
    (standing,) = case.judged().standings.values()
    assert standing.floor is None
    assert standing.no_floor == (
        "not measurable: 1 element moves when inputs and weights change by one unit in the last place, "
        "by the last bit and no more"
    )
    case.cell(OTHER, scores=sure * np.float32(1 - 1e-6))
    found = case.verdict()
    assert found.ratio is None
    assert (found.judgement.verdict, found.judgement.by) == (Verdict.FLOAT_NOISE, Measure.DEFAULT)


def test_last_bits_that_flip_everywhere_are_the_noise(case):
    case.measure(
        lambda _, value: np.nextafter(value, value + case.random.normal(size=value.shape).astype("f4")),
        scores=SCORES,
    )
    (standing,) = case.judged().standings.values()
    assert standing.floor is not None


@pytest.fixture
def restarting(case):
    """A case whose runs differ, but whose first runs are the same in every process."""
    case.cell(BASE, unstable=["scores"], scores=SCORES)
    case.measure(case.noisy, anew=True, scores=SCORES)
    return lambda: case.judged(moving={"scores"}, restarting={"scores"})


def test_what_restarts_is_compared_by_a_floor_of_replicates_that_begin_anew(case, restarting):
    case.cell(OTHER, unstable=["scores"], scores=case.noisy("scores", SCORES))
    (found,) = restarting().judge(OTHER, BASE)
    assert (found.judgement.verdict, found.judgement.by) == (Verdict.FLOAT_NOISE, Measure.NOISE_FLOOR)
    case.cell(OTHER, unstable=["scores"], scores=SCORES * np.float32(1.001))
    (found,) = restarting().judge(OTHER, BASE)
    assert found.judgement.verdict is Verdict.DIVERGED


def test_what_restarts_must_be_the_same_in_two_processes(case, restarting):
    case.cell(BASE, unstable=["scores"], scores=SCORES + np.float32(1))
    assert restarting().nondeterministic == {OutputId(0, "scores", None): f"two processes differ in {BASE}"}


def test_without_a_second_process_two_runs_decide(case, restarting):
    case.floor = None
    assert restarting().nondeterministic == {
        OutputId(0, "scores", None): f"two runs in one process differ in {BASE}"
    }


def test_replicates_that_went_on_drawing_are_no_floor(case):
    case.measure(case.noisy, scores=SCORES)
    judged = case.judged(moving={"scores"}, restarting={"scores"})
    (standing,) = judged.standings.values()
    assert standing.floor is None
