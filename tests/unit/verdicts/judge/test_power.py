"""What inputs notice, from what changed models returned."""

from __future__ import annotations

import numpy as np
import pytest
from recordings import measured_floor, output, stored
from savedmodel_matrix.domain.power import Noticed
from savedmodel_matrix.probe.arrays import read_array
from savedmodel_matrix.probe.measurements.noise_floor import Spread
from savedmodel_matrix.verdicts.judge.case import JudgedCase
from savedmodel_matrix.verdicts.judge.power import UNCHANGED, changed_recordings, power_of

SCORES = np.linspace(1, 2, 40, dtype="f4").reshape(8, 5)
NOISE = 1e-6


@pytest.fixture
def power(tmp_path):
    """Return the power that follows from ``(weight, level, relative change of the output)``."""

    def measured(*tried, weights=None):
        random = np.random.default_rng(0)
        spread = Spread("y", None, SCORES, "float32")
        for _ in range(16):
            spread.add((SCORES + NOISE * random.normal(size=SCORES.shape)).astype("f4"))
        nudges = []
        for weight, level, change in tried:
            moved = [output(stored(tmp_path, SCORES * np.float32(1 + change)))] if change else []
            nudges.append(
                {
                    "weight": weight,
                    "size": 3,
                    "level": level,
                    "outputs": [each.model_dump() for each in moved],
                    "lost": change is None,
                }
            )
        part = {"seconds": 1.0, "weights": weights or len(tried), "left_out": 0, "unused": 0, "tried": nudges}
        base = [output(stored(tmp_path, SCORES))]
        floor = measured_floor(base, [spread.entry(str(tmp_path), 0)], power=part)
        recordings = changed_recordings(floor.run, floor.part.power)

        def read(entry):
            return read_array(str(tmp_path), entry.to_json(), mmap=True)

        judged = JudgedCase(recordings, UNCHANGED, floor, None, {}, read, (), ())
        return power_of(floor.part.power, judged)

    return measured


def test_a_change_is_noticed_if_the_judge_finds_more_than_noise(power):
    found = power(("a", 0.01, 1e-2), ("b", 0.01, 1e-8), ("c", 0.01, 0), ("a", 0.001, 1e-3))
    assert found.levels == (Noticed(0.01, 1, 3), Noticed(0.001, 1, 1))
    assert found.blind_to == ("b", "c")
    assert found.share == pytest.approx(1 / 3)


def test_a_model_that_fails_with_a_changed_weight_notices_it(power):
    found = power(("a", 0.01, None))
    assert (found.share, found.blind_to) == (1.0, ())


def test_what_was_not_tried_counts_neither_way(power):
    found = power(("a", 0.01, 1e-2), weights=1000)
    assert (found.share, found.weights) == (1.0, 1000)
    assert power().share is None
