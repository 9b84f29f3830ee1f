from __future__ import annotations

import json

import pytest
from savedmodel_matrix.domain.errors import StoreError

from maintenance.refresh_ops import main, read_dumps, render_keras, render_ops


def dump(version, ops, layers=()):
    return {
        "tensorflow": version,
        "graph_version": 100,
        "ops": ops,
        "cpu_kernels": list(ops),
        "object_kinds": ["variable"],
        "value_kinds": ["int64_value"],
        "keras_layers": list(layers),
    }


@pytest.fixture
def dumps(tmp_path):
    def written(*each):
        files = []
        for number, content in enumerate(each):
            files.append(tmp_path / f"{number}.json")
            files[-1].write_text(json.dumps(content))
        return read_dumps(files)

    return written


def test_what_changes_has_a_line_and_the_rest_is_a_list(dumps):
    older = dump("2.9.3", {"Same": ["T"], "Grows": [], "Kernel": [], "Never": [], "Old": []})
    older["cpu_kernels"].remove("Never")
    newer = dump("2.10.1", {"Same": ["T"], "Grows": ["T"], "Kernel": [], "Never": [], "New": []})
    newer["cpu_kernels"] = ["Same", "Grows", "New"]
    newer["value_kinds"].append("tensor_value")
    found = dumps(newer, older)
    assert list(found) == ["2.9", "2.10"]
    written = json.loads(render_ops(found))
    assert written["releases"] == {
        "2.9": {"tensorflow": "2.9.3", "graph_version": 100},
        "2.10": {"tensorflow": "2.10.1", "graph_version": 100},
    }
    assert written["unchanged"] == ["Same"]
    assert written["changed"] == {
        "Grows": {"attributes": {"T": "2.10"}},
        "Kernel": {"kernel": ["2.9", "2.9"]},
        "Never": {"kernel": []},
        "New": {"since": "2.10"},
        "Old": {"until": "2.9"},
    }
    assert written["value_kinds"] == {"tensor_value": "2.10"}
    assert written["object_kinds"] == {}


def test_an_op_that_comes_back_is_no_span(dumps):
    found = dumps(dump("2.9.3", {"A": []}), dump("2.10.1", {}), dump("2.11.1", {"A": []}))
    with pytest.raises(StoreError, match=r"A comes and goes: it is in 2\.9, 2\.11 only"):
        render_ops(found)


def test_two_of_one_minor(dumps):
    with pytest.raises(StoreError, match=r"a second file of TensorFlow 2\.9"):
        dumps(dump("2.9.3", {}), dump("2.9.1", {}))


def test_layers_are_those_of_keras_2(dumps):
    found = dumps(
        dump("2.15.1", {}, layers=["B"]), dump("2.4.4", {}, layers=["A"]), dump("2.16.2", {}, layers=["C"])
    )
    assert json.loads(render_keras(found))["layers"] == ["A", "B"]


def test_without_files():
    with pytest.raises(StoreError, match="no file was named"):
        main([])
