import pytest

from benchmarks.scale import Point, growth, slope, table


def points(*seconds):
    return [Point(25 * 2**index, each, each, 100.0 + 25 * 2**index) for index, each in enumerate(seconds)]


def test_a_line_through_points_has_its_slope():
    assert slope([1, 2, 4], [5, 7, 11]) == pytest.approx(2)
    assert slope([0, 1, 2], [0, 3, 3]) == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("seconds", "power"), [((1, 2, 4), "1.00"), ((1, 4, 16), "2.00"), ((3, 3, 3), "0.00")]
)
def test_growth_is_told_as_an_exponent(seconds, power):
    assert f"size^{power}." in growth(points(*seconds))


def test_growth_is_told_per_thousand_cells_and_cases():
    # A further environment is 50 cells x cases: here it takes 0.04 s and a megabyte.
    assert "take 0.80 s and 20.0 MB" in growth(points(1, 2, 4))


def test_the_curve_is_drawn_against_the_largest():
    assert [len(row["CPU"]) for row in table(points(1, 2, 4))] == [12, 25, 50]
