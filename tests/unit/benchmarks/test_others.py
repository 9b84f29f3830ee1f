import importlib.util
from dataclasses import replace

import pytest

from benchmarks import others
from benchmarks.cost import BenchError
from benchmarks.others import Measured, Scenario, table

SCENARIO = Scenario("three classes", cells=7, contents=3, megabytes=1, target=10)


def test_rows_say_how_many_times_faster_ours_is_without_and_with_hashing():
    measured = {
        "ours": Measured(0.5, 20.0, [True]),
        "Polygraphy": Measured(10.0, 700.0, [True]),
        "allclose": Measured(0.25, 500.0, [True]),
    }
    ours, polygraphy, allclose = table(SCENARIO, measured, hashing=1.5)
    assert (ours[""], ours["by"], ours["ours is x faster"], ours["target"]) == (
        "three classes",
        "ours",
        None,
        "",
    )
    assert (ours["wall s"], ours["MB more"], ours["hashed before, s"]) == (0.5, 20.0, 1.5)
    assert (polygraphy["ours is x faster"], polygraphy["hashing too"], polygraphy["target"]) == (
        20,
        5,
        "10 x",
    )
    assert (allclose["ours is x faster"], allclose["target"]) == (0.5, "")
    assert not table(replace(SCENARIO, target=None), measured, 1.5)[1]["target"]


def test_sides_that_do_not_agree_are_not_put_beside_each_other():
    agreed, other = Measured(1.0, 1.0, [True, False]), Measured(1.0, 1.0, [True, True])
    with pytest.raises(BenchError, match="do not agree"):
        table(SCENARIO, {"ours": agreed, "Polygraphy": agreed, "allclose": other}, 0.0)


@pytest.mark.parametrize("side", others.SIDES)
def test_every_side_finds_what_was_written(tmp_path, side):
    assert others.write_recordings(tmp_path / "cells", SCENARIO) > 0
    assert len(list((tmp_path / "cells" / "objects").rglob("*.npy"))) == 3
    passed = others.COMPARE[side](tmp_path / "cells")
    assert passed == [True, True, False, True, True, False, True]


def test_without_polygraphy_it_says_what_installs_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BenchError, match="nox -s bench"):
        others.main()
