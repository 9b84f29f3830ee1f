import numpy as np
import pytest
from savedmodel_matrix.verdicts.diagnose.diagnose import diagnose
from savedmodel_matrix.verdicts.diagnose.pair import Pair
from savedmodel_matrix.verdicts.diagnose.recipes.remake import remake

R = np.random.default_rng(8)


def found(train, serve, raw):
    return [each.id for each in diagnose({"x": train}, {"x": serve}, {"raw": raw})]


def texts(values):
    out = np.empty(len(values), object)
    out[:] = [value.encode() for value in values]
    return out


def test_rounding_of_both_sides_is_known_from_the_raw_values():
    raw = R.integers(-40, 40, (50, 2)) / 2 + 0.0
    assert found(np.rint(raw), np.floor(raw + 0.5), raw) == ["rounding"]
    assert found(np.rint(raw), np.floor(raw + 0.5) + R.integers(0, 2, raw.shape), raw) == []


def test_filling_before_scaling():
    raw = R.normal(5, 1, (80, 3))
    raw[R.random(raw.shape) < 0.2] = np.nan
    sides = [np.where(np.isnan(raw), fill, raw) for fill in (np.nanmean(raw, 0), np.nanmedian(raw, 0))]
    train, serve = ((x - x.mean(0)) / x.std(0) for x in sides)
    assert found(train, serve, raw) == ["missing-fill"]
    assert found(train, serve + 0.1 * R.normal(size=serve.shape), raw) == []


def test_statistics_in_float32():
    raw = R.normal(100, 1, (5000, 2)).astype(np.float32)
    std = np.sqrt(np.square(raw).mean(0) - np.square(raw.mean(0)))
    wide = raw.astype(np.float64)
    train = ((wide - wide.mean(0)) / wide.std(0)).astype(np.float32)
    assert found(train, (raw - raw.mean(0)) / std, raw) == ["statistics-precision"]


def test_cut_at_the_other_end():
    raw = R.integers(0, 1000, (20, 30))
    assert found(raw[:, :12], raw[:, -12:], raw) == ["truncation-side"]
    assert found(raw[:, :12], raw[:, 3:15], raw) == []


def test_decimal_commas_not_understood():
    raw = texts(["1,5", "2,25", "7", "12,5", "3"])
    train = np.array([1.5, 2.25, 7, 12.5, 3])
    assert found(train, np.array([np.nan, np.nan, 7, np.nan, 3]), raw) == ["decimal-comma"]


@pytest.mark.parametrize("as_text", [True, False])
def test_days_of_the_week_in_two_time_zones(as_text):
    epochs = 1_700_000_000 + 7919 * np.arange(200)
    raw = texts([str(np.datetime64(int(value), "s")) for value in epochs]) if as_text else epochs
    days = [(epochs + hours * 3600) // 86400 % 7 for hours in (9, 0)]
    assert found(*((each + 3) % 7 for each in days), raw) == ["timezone"]
    assert found((days[0] + 3) % 7, R.integers(0, 7, 200), raw) == []


def test_strings_are_not_remade():
    names = texts(["a", "b"])
    assert remake(Pair(names, names[::-1], {"raw": names})) is None
