from __future__ import annotations

from dataclasses import fields

import pytest
from savedmodel_matrix.domain.definition import EnvironmentBlock, SettingDefinition
from savedmodel_matrix.domain.environment import Build, Environment
from savedmodel_matrix.domain.job import Limits
from savedmodel_matrix.verdicts.attribute.names import called, option_fields
from savedmodel_matrix.verdicts.attribute.options import options_of

ENVIRONMENT = Environment("2.15.1", "3.11", Build.CPU)
LIMITS = Limits(300.0, None)


def options(environment=None, setting=None, limits=LIMITS):
    return options_of(environment or ENVIRONMENT, setting or SettingDefinition(), limits)


def test_options_of_a_plain_cell():
    assert options() == {
        "TensorFlow": "2.15.1",
        "Python": "3.11",
        "build": "cpu",
        "resolve": "release",
        "requirements": "none",
        "without": "none",
        "beside": "none",
        "backend": "uv",
        "device": "default",
        "intra-op threads": "default",
        "inter-op threads": "default",
        "jit_compile": "off",
        "Grappler": "on",
        "seed": "default",
        "op determinism": "off",
        "loader": "default",
        "time limit": "300",
        "memory limit": "default",
    }


def test_values():
    found = options(
        Environment("2.15.1", "3.11", Build.GPU, requirements=("tf-keras", "h5py<3")),
        SettingDefinition(loader="keras", jit_compile=True, seed=7),
        Limits(2.5, 10**9),
    )
    assert (found["requirements"], found["build"]) == ("tf-keras, h5py<3", "gpu")
    assert (found["loader"], found["jit_compile"], found["seed"]) == ("keras", "on", "7")
    assert (found["time limit"], found["memory limit"]) == ("2.5", "1000000000")


@pytest.mark.parametrize("axis", EnvironmentBlock.model_fields)
def test_every_axis_is_an_option(axis):
    assert called(axis) in options()


@pytest.mark.parametrize("field", [*SettingDefinition.model_fields, *(each.name for each in fields(Limits))])
def test_every_key_of_a_setting_and_every_limit_is_an_option(field):
    assert (called(field) in options()) is (field != "variables")


def test_only_what_equal_environments_may_differ_in_is_none():
    apart = {each.name for each in fields(Environment)} - set(option_fields(Environment))
    assert apart == {"provisional"}
