from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recordings import output, recording, stored
from savedmodel_matrix.domain.errors import StoreError
from savedmodel_matrix.domain.selection import new_run_id
from savedmodel_matrix.probe.arrays import object_path
from savedmodel_matrix.probe.sealed import seal, unseal
from savedmodel_matrix.store.atomic import write_bytes, write_stored
from savedmodel_matrix.store.results import Results

KEY = "ab" * 32


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path / "results")


def record(results, *arrays, key=KEY, outcome="recorded", **changes):
    outputs = [
        output(stored(results.objects, value, dtype), f"y{number}")
        for number, (value, dtype) in enumerate(arrays)
    ]
    made = recording(key=key, outcome=outcome, outputs=outputs, **changes)
    write_stored(results.recording_path(key), made)
    return made


def is_settled(results, key=KEY):
    found = results.recording(key)
    return found is not None and found.is_settled


def objects(results):
    return sorted(results.objects.glob("*/*.npy"), key=lambda path: path.stat().st_size)


NUMBERS = (np.arange(100, dtype="f4"), "float32")
WORDS = (np.array([b"many", b"words", b"x" * 500], dtype=object), "string")
EMPTY = (np.zeros((0, 3), dtype="f4"), "float32")
NO_WORDS = (np.array([], dtype=object), "string")
SCALAR = (np.float64(1.5), "float64")


@pytest.mark.parametrize("value", [NUMBERS, WORDS, EMPTY, NO_WORDS, SCALAR])
def test_a_whole_recording_is_found(results, value):
    assert results.recording(KEY) is None
    made = record(results, value)
    assert results.recording(KEY) == made
    assert is_settled(results)


def test_a_recording_without_outputs_is_whole(results):
    assert results.recording(KEY) is None
    made = record(results, outcome="load-failed")
    assert results.recording(KEY) == made
    assert is_settled(results)


@pytest.mark.parametrize(
    ("value", "files"), [(NUMBERS, 1), (WORDS, 2), (EMPTY, 1), (NO_WORDS, 2), (SCALAR, 1)]
)
def test_a_recording_without_one_of_its_objects_is_not_whole(results, value, files):
    record(results, value)
    assert len(objects(results)) == files
    for path in objects(results):
        content = path.read_bytes()
        path.unlink()
        assert results.recording(KEY) is None
        assert not is_settled(results)
        path.write_bytes(content)
    assert is_settled(results)


@pytest.mark.parametrize("cut", [1, 64, 128, None])
@pytest.mark.parametrize("value", [NUMBERS, WORDS])
def test_a_recording_with_a_truncated_object_is_not_whole(results, value, cut):
    record(results, value)
    for path in objects(results):
        content = path.read_bytes()
        path.write_bytes(content[:-cut] if cut else b"")
        assert results.recording(KEY) is None
        path.write_bytes(content)
    assert is_settled(results)


def test_a_recording_under_another_name_is_none(results):
    record(results, NUMBERS)
    other = "cd" * 32
    results.recording_path(other).parent.mkdir(parents=True)
    shutil.copy(results.recording_path(KEY), results.recording_path(other))
    assert results.recording(other) is None


@pytest.mark.parametrize("outcome", ["crashed", "timed-out"])
def test_what_may_have_been_the_machines_doing_is_not_settled(results, outcome):
    record(results, outcome=outcome)
    assert results.recording(KEY) is not None
    assert not is_settled(results)


@pytest.mark.parametrize(("number", "advice"), [(99, "upgrade savedmodel-matrix"), (1, "move the results")])
def test_a_recording_of_another_version_is_refused(results, number, advice):
    write_bytes(results.recording_path(KEY), seal(json.dumps({"format": number, "key": KEY}), "Recording"))
    with pytest.raises(StoreError, match=f"format {number}.*{advice}"):
        results.recording(KEY)


@pytest.mark.parametrize("change", [{"format": 2}, {"outcome": "splendid"}, {"more": 1}])
def test_a_recording_that_does_not_fit_its_type_is_none(results, change):
    record(results, NUMBERS)
    whole = json.loads(unseal(results.recording_path(KEY).read_bytes(), "Recording"))
    changed = {**(whole if "format" not in change else {}), **change}
    write_bytes(results.recording_path(KEY), seal(json.dumps(changed), "Recording"))
    assert results.recording(KEY) is None


def test_two_hosts_folders_copied_together_hold_both(tmp_path):
    one, other = Results(tmp_path / "one"), Results(tmp_path / "other")
    record(one, NUMBERS)
    record(other, NUMBERS, WORDS, key="cd" * 32)
    shutil.copytree(other.root, one.root, dirs_exist_ok=True)
    assert is_settled(one)
    assert is_settled(one, "cd" * 32)


def test_objects_are_where_the_probe_writes_them(results):
    entry = stored(results.objects, *NUMBERS)
    assert results.has_array(entry)
    (path,) = objects(results)
    assert object_path(str(results.objects), entry.objects[0]) == str(path)


def test_a_stored_array_is_a_memory_map_and_strings_are_read(results):
    numbers, strings = np.arange(6, dtype="f4").reshape(2, 3), np.array([b"a", b"bc"], object)
    entry = stored(results.objects, numbers)
    found = results.array(entry)
    assert isinstance(found, np.memmap)
    assert np.array_equal(found, numbers)
    assert results.array(stored(results.objects, strings)).tolist() == [b"a", b"bc"]
    with pytest.raises(ValueError, match="does not have the shape of its entry"):
        results.array(replace(entry, shape=(3, 2)))
    Path(object_path(str(results.objects), entry.objects[0])).unlink()
    with pytest.raises(OSError, match="No such file"):
        results.array(entry)


@pytest.mark.parametrize("side", ["reference", "array"])
def test_a_check_without_the_arrays_it_names_is_none(results, side):
    gone = {"dtype": "float32", "shape": [1], "objects": ["0" * 64], "nbytes": 4}
    there = {"reference": None, "array": None}
    for entry, found in ((None, True), (gone, False)):
        record(results, NUMBERS, measured={"differences": [{**there, side: entry}]})
        assert (results.recording(KEY) is not None) is found


def test_a_clock_that_was_set_back_does_not_put_a_run_before_an_earlier_one(tmp_path):
    results = Results(tmp_path)
    assert results.newest_run() is None
    (results.logs / "exit-status").mkdir(parents=True)
    (results.logs / "29991231T235959Z-abcdef-default").mkdir()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/20200101T000000Z-012345-default.json").touch()
    newest = results.newest_run()
    assert newest == "29991231T235959Z-abcdef"
    following = [new_run_id(newest)]
    following.append(new_run_id(following[-1]))
    assert newest < following[0] < following[1]
    assert following[0].startswith("30000101T000000Z-")
    assert new_run_id("20200101T000000Z-012345") < newest
