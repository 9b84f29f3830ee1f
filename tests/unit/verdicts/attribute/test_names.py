from __future__ import annotations

import pytest
from savedmodel_matrix.verdicts.attribute.names import (
    OPTIONS,
    is_package,
    is_set,
    package_name,
    rank,
    told_by,
    value_in,
)


def test_what_the_user_set_comes_first_and_the_machine_last():
    names = [
        *(
            "TensorFlow",
            "Python",
            "requirements",
            "seed",
            "seed (as set)",
            "variable A",
            "oneDNN",
            "Keras",
            "NumPy",
        ),
        *("absl-py", "wrapt", "CPU", "kernel", "devices"),
    ]
    assert sorted(sorted(names), key=rank) == names


@pytest.mark.parametrize(
    ("name", "chosen", "package"),
    [
        *[(name, True, False) for name in (*OPTIONS, "variable A", "oneDNN", "GPU")],
        *[(name, False, True) for name in ("Keras", "NumPy", "absl-py")],
        *[(name, False, False) for name in ("CPU", "kernel", "TensorFlow's commit")],
    ],
)
def test_kinds(name, chosen, package):
    assert (is_set(name), is_package(name)) == (chosen, package)


def test_who_tells_whom():
    assert told_by("variable TF_ENABLE_ONEDNN_OPTS") == "oneDNN"
    assert told_by("tensorflow-cpu") == "TensorFlow"
    assert told_by("seed (as set)") == "seed"
    assert told_by("requirements") is None


def test_packages_have_names_of_their_own():
    assert package_name("numpy") == "NumPy"
    assert package_name("tf-keras") == "tf-keras"
    assert package_name("absl-py") == "absl-py"
    assert package_name("build") == "package build"
    assert package_name("xla") == "package xla"


def test_missing_values():
    assert value_in({"A": "1"}, "A") == "1"
    assert value_in({}, "A") == "unknown"
    assert value_in({}, "variable A") == "unset"
