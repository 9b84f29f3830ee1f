from __future__ import annotations

import datetime as dt

import pytest
from pydantic import ValidationError

from harness.model.definition import CaseDefinition, EnvironmentBlock, Override, SettingDefinition


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
