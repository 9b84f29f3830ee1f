"""Clocks: calendar features of raw times by the rules of zones, in tables, and near misses."""

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from savedmodel_matrix.verdicts.diagnose.diagnose import diagnose

R = np.random.default_rng(21)
TRIPS = np.sort(R.integers(1_640_995_200, 1_672_531_200, 90))
RAW = {"when": TRIPS}


def local(zone, shift=0):
    times = pd.to_datetime(TRIPS, unit="s", utc=True)
    return (times.tz_convert(ZoneInfo(zone)) if zone else times + pd.Timedelta(hours=shift)).tz_localize(None)


def trips(times):
    price = np.linspace(3, 40, 90)
    return np.stack([price, times.hour, np.sin(2 * np.pi * times.month / 12)], axis=1)


def load(times):
    angle = 2 * np.pi * (times.hour * 60 + times.minute) / 1440
    return np.stack([np.sin(angle), np.cos(angle), times.day_of_week >= 5, np.ones(90)], axis=1)


def shifts(times):
    return np.asarray(times.day_of_week * 1.0)


@pytest.mark.parametrize(
    ("feature", "one", "other", "name", "zone"),
    [
        (trips, "Europe/Berlin", ("", 1), "daylight-saving", "Europe/Berlin"),
        (load, "Asia/Kolkata", ("", 0), "timezone", "Asia/Kolkata"),
        (load, "Australia/Sydney", ("", 10), "daylight-saving", "Australia/Sydney"),
        (shifts, "Asia/Tokyo", ("", 0), "timezone", "UTC+9"),
        (trips, "America/Los_Angeles", ("Europe/London", 0), "timezone", "America/Los_Angeles"),
    ],
)
def test_the_clocks_are_named(feature, one, other, name, zone):
    train, serve = (np.asarray(feature(local(*each)), np.float32) for each in ((one, 0), other))
    (found,) = diagnose({"x": train}, {"x": serve}, RAW)
    assert found.id == name
    assert zone in found.train
    assert found.max_abs_after < 1e-5 < found.max_abs_before


def test_another_feature_of_one_clock_is_no_other_clock():
    times = local("Europe/Berlin")
    train, serve = ((times.day_of_week + first) % 7 * 1.0 for first in (0, 1))
    (found,) = diagnose({"x": np.asarray(train)}, {"x": np.asarray(serve)}, RAW)
    assert found.id == "feature"
    assert "Sunday 0" in found.serve


def test_a_few_wrong_rows_are_no_clock_and_another_column_is_said_to_remain():
    train, serve = trips(local("Europe/Berlin")), trips(local("", 1))
    spoilt = serve.copy()
    spoilt[::15, 1] += 1
    found = diagnose({"x": train[:, :2]}, {"x": spoilt[:, :2]}, RAW)
    assert not {"timezone", "daylight-saving"} & {step for one in found for step in one.steps}
    priced = serve.copy()
    priced[:, 0] *= 1 + R.random(90)
    (found,) = diagnose({"x": train}, {"x": priced}, RAW)
    assert (found.id, found.left) == ("daylight-saving", "column 0 differs too, without a diagnosis")


def test_one_clock_written_in_two_ways_is_no_difference():
    seconds = TRIPS + 5.5 * 3600
    again = np.stack([np.ones(90), seconds // 3600 % 24], axis=1)
    train = np.stack([np.ones(90), local("Asia/Kolkata").hour], axis=1)
    assert diagnose({"x": train}, {"x": again}, RAW) == []


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [
        (lambda t: t.month * 1.0, lambda t: t.month - 1.0, "month (from 0)"),
        (lambda t: t.day_of_year * 1.0, lambda t: t.day_of_year - 1.0, "day of the year (from 0)"),
        (
            lambda t: np.sin(2 * np.pi * t.month / 12),
            lambda t: np.sin(2 * np.pi * (t.month - 1) / 12),
            "sine of the month (from 0)",
        ),
        (
            lambda t: np.cos(2 * np.pi * t.hour / 24),
            lambda t: np.cos(2 * np.pi * t.hour / 23),
            "cosine of the hour of the day on a circle of 23",
        ),
    ],
)
def test_where_counting_begins_and_circles_close_is_no_vocabulary_and_no_zone(one, other, name):
    times = local("", 0)
    train, serve = (np.asarray(each(times), np.float32)[:, None] for each in (one, other))
    (found,) = diagnose({"x": train}, {"x": serve}, RAW)
    assert found.id == "feature"
    assert found.serve == name


def test_a_pair_of_sine_and_cosine_by_months_is_no_zone():
    train, serve = (
        np.stack([f(2 * np.pi * (local("", 0).month + first) / 12) for f in (np.sin, np.cos)], axis=1)
        for first in (0, -1)
    )
    (found,) = diagnose({"x": train}, {"x": serve}, RAW)
    assert found.id == "feature"
