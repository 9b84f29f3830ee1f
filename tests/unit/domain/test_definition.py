from __future__ import annotations

import datetime as dt

import pytest
from pydantic import ValidationError
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.definition import (
    CaseDefinition,
    Definition,
    EnvironmentBlock,
    Expect,
    Override,
    SettingDefinition,
)


def test_a_single_value_stands_for_a_list_of_one():
    block = EnvironmentBlock(tensorflow="2.9", python="3.10", build="gpu", resolve="today")
    assert (block.tensorflow, block.python, block.build, block.resolve) == (
        ["2.9"],
        ["3.10"],
        ["gpu"],
        ["today"],
    )


@pytest.mark.parametrize(
    ("given", "alternatives"),
    [
        (["a", "b==1"], [["a", "b==1"]]),
        ([["a"], ["a", "b==1"]], [["a"], ["a", "b==1"]]),
        ([], [[]]),
        ([[], ["a"]], [[], ["a"]]),
    ],
)
def test_requirements_are_one_set_or_an_axis_of_sets(given, alternatives):
    assert EnvironmentBlock(tensorflow="2.9", requirements=given).requirements == alternatives


@pytest.mark.parametrize("given", [dt.date(2024, 1, 31), "2024-01-31"])
def test_a_date_may_be_written_with_or_without_quotes(given):
    assert EnvironmentBlock(tensorflow="2.9", resolve=given).resolve == ["2024-01-31"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"tensorflow": []},
        {"python": "4.0"},
        {"python": "311"},
        {"build": "tpu"},
        {"resolve": "yesterday"},
        {"resolve": "2024-13-01"},
        {"requirements": ["not a requirement"]},
    ],
)
def test_environments_that_cannot_be(wrong):
    with pytest.raises(ValidationError):
        EnvironmentBlock(**{"tensorflow": "2.9", **wrong})


@pytest.mark.parametrize(
    ("override", "why"),
    [
        ({"cells": "*"}, "changes nothing"),
        ({"cells": "*/default", "resolve": "today"}, "select whole environments"),
        ({"cells": "*", "cases": "a", "requirements": ["numpy"]}, "select whole environments"),
        ({"cells": "*", "time_limit": 0}, "greater than 0"),
    ],
)
def test_overrides_that_cannot_be(override, why):
    with pytest.raises(ValidationError, match=why):
        Override(**override)


@pytest.mark.parametrize("package", ["basic-pitch", "basic-pitch>=1", "basic-pitch==1.*", "a==1,==2"])
def test_a_package_is_pinned_exactly(package):
    with pytest.raises(ValidationError, match="pin it exactly"):
        CaseDefinition(path="m", package=package)


def test_memory_is_written_with_a_unit():
    assert CaseDefinition(path="m", memory_limit="4GiB").memory_limit == 4 << 30


@pytest.mark.parametrize("device", ["gpu", "GPU:0", "tpu:0", "gpu:"])
def test_devices_that_cannot_be(device):
    with pytest.raises(ValidationError):
        SettingDefinition(device=device)


EXPECTED = {"cells": "*", "reason": "known", "owner": "someone", "until": dt.date(2026, 12, 31)}


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({}, "exactly one of outcome, verdict and check"),
        ({"outcome": "load-failed", "verdict": "diverged"}, "exactly one of outcome, verdict and check"),
        ({"outcome": "recorded"}, "is no problem"),
        ({"verdict": "identical"}, "is no problem"),
        ({"outcome": "skipped"}, r"use \[\[exclude\]\]"),
        ({"outcome": "diverged"}, "Input should be 'recorded', "),
        ({"verdict": "diverged", "owner": ""}, "at least 1 character"),
        ({"verdict": "diverged", "until": 20261231}, "give a date such as"),
        ({"verdict": "diverged", "until": dt.datetime(2026, 12, 31, tzinfo=dt.UTC)}, "give a date such as"),
        ({"verdict": "diverged", "until": "2026-13-01"}, "valid date"),
    ],
)
def test_expectations_that_cannot_be(what, why):
    with pytest.raises(ValidationError, match=why):
        Expect(**{**EXPECTED, **what})


@pytest.mark.parametrize("key", ["cells", "reason", "owner", "until"])
def test_an_expectation_says_where_why_who_and_until_when(key):
    with pytest.raises(ValidationError, match="Field required"):
        Expect(**{name: value for name, value in EXPECTED.items() if name != key}, verdict="diverged")


@pytest.mark.parametrize("verdict", ["float-noise", "suspicious", "diverged", "incomparable"])
def test_verdicts_that_may_be_expected(verdict):
    assert Expect(**EXPECTED, verdict=verdict).verdict == verdict


@pytest.mark.parametrize(
    "outcome",
    [
        "unavailable",
        "install-failed",
        "import-failed",
        "load-failed",
        "run-failed",
        "crashed",
        "timed-out",
    ],
)
def test_outcomes_that_may_be_expected(outcome):
    assert Expect(**EXPECTED, outcome=outcome).outcome == outcome


@pytest.mark.parametrize("until", [dt.date(2026, 12, 31), "2026-12-31"])
def test_an_expectation_holds_on_its_last_day(until):
    expect = Expect(**{**EXPECTED, "until": until}, verdict="diverged")
    assert not expect.is_expired(dt.date(2026, 12, 31))
    assert expect.is_expired(dt.date(2027, 1, 1))


@pytest.mark.parametrize(
    ("cells", "cases", "selects"),
    [
        ("tf2.9*", "*", True),
        ("*/xla", "c*", True),
        ("*/default", "*", False),
        ("*", "rnn", False),
        ("tf2.1*", "cnn", False),
    ],
)
def test_an_expectation_selects_by_cell_and_case(cells, cases, selects):
    expect = Expect(**{**EXPECTED, "cells": cells, "cases": cases}, verdict="diverged")
    assert expect.selects(CellId("tf2.9.3-py3.10-cpu", "xla"), "cnn") is selects


def test_cells_are_covered_whole_or_pairwise():
    matrix = {"baseline": "*", "environments": [{"tensorflow": "2.9"}], "cases": {"cnn": {"path": "m"}}}
    assert Definition(**matrix).cover == "all"
    assert Definition(**matrix, cover="pairwise").cover == "pairwise"
    with pytest.raises(ValidationError, match="'all' or 'pairwise'"):
        Definition(**matrix, cover="triplewise")


def test_checks_are_named_once_each():
    assert CaseDefinition(path="m").checks == []
    assert CaseDefinition(path="m", checks=["leak", "fresh-process"]).checks == ["leak", "fresh-process"]
    with pytest.raises(ValidationError, match="lists a check twice"):
        CaseDefinition(path="m", checks=["leak", "leak"])
    with pytest.raises(ValidationError, match="'repeat'"):
        CaseDefinition(path="m", checks=["again"])
