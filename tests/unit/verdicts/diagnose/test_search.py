import numpy as np
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
