from __future__ import annotations

import pytest
from savedmodel_matrix.domain.environment import Build, Environment


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, "tf2.15.1-py3.11-cpu"),
        ({"build": Build.GPU}, "tf2.15.1-py3.11-gpu"),
        ({"resolve": "today"}, "tf2.15.1-py3.11-cpu-today"),
        ({"resolve": "2024-01-31"}, "tf2.15.1-py3.11-cpu-20240131"),
    ],
)
def test_ids_are_readable(fields, shown):
    environment = Environment("2.15.1", "3.11", **{"build": Build.CPU, **fields})
    assert (environment.id, environment.base_id) == (shown, shown)


def test_requirements_show_in_the_id_and_not_in_the_base():
    def of(*requirements):
        return Environment("2.15.1", "3.11", Build.CPU, requirements=requirements)

    assert of("tf_keras", "numpy<2").id.startswith("tf2.15.1-py3.11-cpu-tf_keras+numpy-")
    assert of("numpy<2").base_id == "tf2.15.1-py3.11-cpu"
    # Same names, other versions: another environment.
    assert of("numpy<2").id != of("numpy<1.26").id
    assert len(of(*(f"package-{number}" for number in range(50))).id) < 100
    assert not set(of("a[extra]>=1; python_version < '3.9'").id) & set(" /\\<>[];'\"")


def test_what_is_left_out_is_in_the_id():
    bare = Environment("2.15.1", "3.11", Build.CPU, without=("h5py", "keras-nightly"))
    assert bare.id == "tf2.15.1-py3.11-cpu-no_h5py-no_keras_nightly"
    assert Environment("2.15.1", "3.11", Build.CPU).id == "tf2.15.1-py3.11-cpu"
