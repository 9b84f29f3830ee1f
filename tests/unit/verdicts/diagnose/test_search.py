import numpy as np
from savedmodel_matrix.verdicts.diagnose.diagnose import diagnose
from savedmodel_matrix.verdicts.diagnose.pair import Pair
from savedmodel_matrix.verdicts.diagnose.search import search

IMAGES = np.random.default_rng(2).integers(0, 256, (2, 10, 10, 3)).astype(np.float32)


def test_one_step_goes_before_two():
    chain = search(Pair(IMAGES / 255, IMAGES))
    assert [fix.id for fix in chain.fixes] == ["value-range"]


def test_every_further_step_costs():
    one = search(Pair(IMAGES / 255, IMAGES))
    two = search(Pair(IMAGES / 255, IMAGES[..., ::-1]))
    assert two.cost > one.cost + 1


def test_what_nothing_explains_is_none():
    assert (
        search(Pair(IMAGES, np.random.default_rng(3).permutation(IMAGES.ravel()).reshape(IMAGES.shape)))
        is None
    )


def test_proven_explanations_of_another_meaning_are_listed_with_what_tells_them_apart():
    train = np.round(np.random.default_rng(5).uniform(1, 9, (40, 2)), 3)
    (found,) = diagnose({"x": train * 1000}, {"x": train})
    assert found.id == "unit"
    assert any("comma" in tie for tie in found.ties)
    assert "raw value" in found.experiment
    (found,) = diagnose({"x": train * 1000}, {"x": train}, {"raw": train})
    assert (found.id, found.ties) == ("unit", ())
