"""Random outputs, as the probe samples them: what is called another distribution, and what would be."""

from __future__ import annotations

import numpy as np
import pytest
from savedmodel_matrix.domain.distribution import Sample
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.probe.arrays import read_array
from savedmodel_matrix.probe.measurements.distribution import _Sample
from savedmodel_matrix.verdicts.judge.distribution import judge_distribution

X = np.linspace(-2, 3, 12).astype("f4")
WORDS = np.array([b"alpha", b"beta", b"gamma"], object)
REAL = (Verdict.SUSPICIOUS, Verdict.DIVERGED)


@pytest.fixture
def sample(tmp_path):
    def sample(runs, dtype="float32"):
        made = None
        for run in runs:
            made = made or _Sample(run, dtype)
            made.add(run)
        entry = made.entry(str(tmp_path))
        return Sample.model_validate({**entry, "batch": 0, "name": "y", "component": None})

    return sample


@pytest.fixture
def judged(tmp_path, sample):
    def judged(runs, reference, dtype="float32", comparisons=20):
        pair = sample(runs, dtype), sample(reference, dtype)
        return judge_distribution(
            *pair, comparisons, lambda entry: read_array(str(tmp_path), entry.to_json(), mmap=True)
        )

    return judged


def rounded(random, values):
    """Return what another release makes of values: other last bits."""
    return (values * (1 + random.uniform(-3e-7, 3e-7, size=values.shape[1:]))).astype("f4")


def normal(random, n, scale=1.0, shift=0.0, shape=(4, 3)):
    return (np.tanh(X).reshape(4, 3) + shift + scale * random.normal(size=(n, *shape))).astype("f4")


def dropped(random, n, rate=0.5):
    return rounded(random, (random.random((n, 12)) >= rate) * X / (1 - rate))


def labels(random, n, chances=(0.1, 0.2, 0.3, 0.4)):
    return random.choice(4, p=chances, size=(n, 2, 5))


def words(random, n, chances=(0.01, 0.29, 0.7)):
    return WORDS[random.choice(3, p=chances, size=(n, 4))]


def skewed(random, n):
    return np.exp(1.5 * random.normal(size=(n, 8))).astype("f4")


def shared(random, n):
    return np.repeat(random.normal(size=(n, 1, 3)), 4, axis=1).astype("f4")


def rare(random, n):
    return random.random((n, 50)) < 0.002


def counts(random, n, mean=40):
    return random.poisson(mean, size=(n, 6))


BENIGN = {
    normal: "float32",
    dropped: "float32",
    skewed: "float32",
    shared: "float32",
    labels: "int64",
    counts: "int64",
    words: "string",
    rare: "bool",
}


@pytest.mark.parametrize("draw", BENIGN)
def test_samples_of_one_distribution_agree(judged, draw):
    for seed in range(6):
        random = np.random.default_rng(seed)
        found = judged(draw(random, 150), draw(random, 300), BENIGN[draw])
        assert found.verdict is Verdict.FLOAT_NOISE, found.says
        assert "nothing shows another distribution" in found.says


CHANGED = {
    "a scale of 1.2": (lambda r, n: normal(r, n, scale=1.2), normal, "spreads 1.2"),
    "a shift of 0.3": (lambda r, n: normal(r, n, shift=0.3), normal, "the mean of"),
    "a dropout rate of 0.4": (lambda r, n: dropped(r, n, 0.4), dropped, "spreads 0.81"),
    "no dropout": (
        lambda r, n: np.repeat(X[None], n, 0),
        dropped,
        "it never varies here, and does in the baseline",
    ),
    "other chances": (lambda r, n: labels(r, n, (0.2, 0.2, 0.3, 0.3)), labels, "0 anywhere in 2"),
    "other words": (lambda r, n: words(r, n, (0.2, 0.1, 0.7)), words, "alpha anywhere in"),
    "another mean count": (lambda r, n: counts(r, n, 43), counts, "mean of a run is 42.9"),
    "noise of its own for each row": (lambda r, n: normal(r, n) - np.tanh(X).reshape(4, 3), shared, ""),
}
DTYPES = {labels: "int64", words: "string", counts: "int64"}


@pytest.mark.parametrize("change", CHANGED)
def test_another_distribution_is_found_and_named(judged, change):
    draw, reference, named = CHANGED[change]
    random = np.random.default_rng(3)
    runs = [each(random, 600) for each in (draw, reference)]
    if runs[0].dtype.kind == "f":
        runs = [each.astype("f4") for each in runs]
    found = judged(*runs, DTYPES.get(reference, "float32"))
    assert found.verdict is Verdict.DIVERGED, found.says
    assert found.says.startswith("another distribution: ")
    assert named in found.says


def test_an_element_that_never_varies_is_compared_by_its_value(judged):
    random = np.random.default_rng(0)

    def runs(n, factor):
        noise = np.where(np.arange(12) == 7, random.normal(size=(n, 1)), X)
        return (noise * np.where(np.arange(12) == 3, factor, 1)).astype("f4")

    assert judged(runs(200, 1 + 1e-6), runs(200, 1)).verdict is Verdict.FLOAT_NOISE
    found = judged(runs(200, 1.01), runs(200, 1))
    assert found.verdict is Verdict.DIVERGED
    assert "the mean of element [3] is" in found.says


def test_two_values_in_equal_shares_differ_by_rounding_only(judged):
    # The moduli of their deviations are equal: what rounding leaves of that must not look like a change.
    half = np.tile(np.float32([[0.0], [1.0]]), (100, 1))
    found = judged(half * np.float32(1 + 3e-7), half)
    assert found.verdict is Verdict.FLOAT_NOISE


def test_runs_that_differ_by_rounding_only_agree_within_the_tolerance_of_their_type(judged):
    random = np.random.default_rng(0)
    found = judged(rounded(random, np.repeat(X[None], 50, 0)), np.repeat(X[None], 50, 0))
    assert found.verdict is Verdict.FLOAT_NOISE
    assert "by rounding only" in found.says


def test_too_few_runs_are_no_agreement_and_may_still_tell(judged):
    random = np.random.default_rng(0)
    found = judged(normal(random, 20), normal(random, 20))
    assert found.verdict is None
    assert found.detectable_shift > 1
    assert "too few runs to tell" in found.says
    assert judged(normal(random, 20, shift=9), normal(random, 20)).verdict is Verdict.DIVERGED


def test_the_power_is_what_is_found_nine_times_in_ten(judged):
    random = np.random.default_rng(1)
    shift = judged(normal(random, 200), normal(random, 200)).detectable_shift
    only = (np.arange(12) == 5).reshape(4, 3)
    seen = [
        judged(normal(random, 200, shift=1.1 * shift * only), normal(random, 200)).verdict in REAL
        for _ in range(20)
    ]
    assert sum(seen) >= 16


def test_more_comparisons_ask_for_more_evidence(judged):
    random = np.random.default_rng(2)
    runs = normal(random, 300, shift=0.2), normal(random, 300)
    one, many = (judged(*runs, comparisons=number) for number in (1, 10**30))
    assert one.verdict in REAL
    assert many.verdict not in REAL
    assert many.detectable_shift > one.detectable_shift


def test_other_shapes_and_types_are_incomparable(judged, sample, tmp_path):
    random = np.random.default_rng(0)
    found = judged(normal(random, 9), skewed(random, 9))
    assert (found.verdict, found.p) == (Verdict.INCOMPARABLE, None)
    pair = sample(labels(random, 9), "int64"), sample(normal(random, 9), "float32")
    assert judge_distribution(*pair, 1, read_array).verdict is Verdict.INCOMPARABLE


def test_runs_of_changing_shapes_are_compared_as_a_whole(judged):
    random = np.random.default_rng(0)

    def runs(n, most):
        return [random.normal(size=random.integers(1, most)).astype("f4") for _ in range(n)]

    assert judged(runs(300, 20), runs(300, 20)).verdict is Verdict.FLOAT_NOISE
    found = judged(runs(300, 26), runs(300, 20))
    assert found.verdict is Verdict.DIVERGED
    assert "the number of elements is" in found.says


def test_numbers_that_are_not_finite_are_counted(judged):
    random = np.random.default_rng(0)
    runs = normal(random, 200)
    broken = np.where(random.random((200, 1, 1)) < 0.1, np.float32("nan"), runs)
    found = judged(broken.astype("f4"), normal(random, 200))
    assert found.verdict is Verdict.DIVERGED
    assert "the share of finite elements" in found.says


def test_agreement_is_never_identical(judged):
    runs = normal(np.random.default_rng(0), 100)
    assert judged(runs, runs).verdict is Verdict.FLOAT_NOISE
