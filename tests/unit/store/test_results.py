from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from savedmodel_matrix.domain.arrays import ArrayEntry
from savedmodel_matrix.domain.errors import StoreError
from savedmodel_matrix.probe.arrays import object_path, write_array
from savedmodel_matrix.store.atomic import read_json, write_json
from savedmodel_matrix.store.results import Results, recording_key

KEY = "ab" * 32
PARTS = {
    "lock": "l",
    "interpreter": "3.11.7",
    "probe": 1,
    "model": "m",
    "inputs": "i",
    "case": {"signature": "serving_default", "runs": 2},
    "setting": {"variables": {}, "jit_compile": False},
    "host": "h",
}


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path / "results")


def record(results, *arrays, key=KEY, outcome="recorded"):
    entries = [write_array(str(results.objects), value, dtype) for value, dtype in arrays]
    recording = {
        "format": 1,
        "key": key,
        "outcome": outcome,
        "outputs": [
            {"batch": 0, "name": f"y{n}", "component": None, "array": entry}
            for n, entry in enumerate(entries)
        ],
    }
    write_json(results.recording_path(key), recording)
    return recording


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
    recording = record(results, value)
    assert results.recording(KEY) == recording
    assert results.is_settled(KEY)


def test_a_recording_without_outputs_is_whole(results):
    assert results.recording(KEY) != record(results, outcome="load-failed")
    assert results.is_settled(KEY)


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
        assert not results.is_settled(KEY)
        path.write_bytes(content)
    assert results.is_settled(KEY)


@pytest.mark.parametrize("cut", [1, 64, 128, None])
@pytest.mark.parametrize("value", [NUMBERS, WORDS])
def test_a_recording_with_a_truncated_object_is_not_whole(results, value, cut):
    record(results, value)
    for path in objects(results):
        content = path.read_bytes()
        path.write_bytes(content[:-cut] if cut else b"")
        assert results.recording(KEY) is None
        path.write_bytes(content)
    assert results.is_settled(KEY)


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
    assert not results.is_settled(KEY)


def test_a_newer_recording_is_refused(results):
    write_json(results.recording_path(KEY), {"format": 99, "key": KEY})
    with pytest.raises(StoreError, match="format 99"):
        results.recording(KEY)


def test_two_hosts_folders_copied_together_hold_both(tmp_path):
    one, other = Results(tmp_path / "one"), Results(tmp_path / "other")
    record(one, NUMBERS)
    record(other, NUMBERS, WORDS, key="cd" * 32)
    shutil.copytree(other.root, one.root, dirs_exist_ok=True)
    assert one.is_settled(KEY)
    assert one.is_settled("cd" * 32)


def test_objects_are_where_the_probe_writes_them(results):
    entry = write_array(str(results.objects), *NUMBERS)
    assert results.has_array(entry)
    (path,) = objects(results)
    assert object_path(str(results.objects), entry["objects"][0]) == str(path)


@pytest.mark.parametrize(
    "change",
    [
        {"lock": "other"},
        {"interpreter": "3.11.8"},
        {"probe": 2},
        {"model": "other"},
        {"inputs": "other"},
        {"case": {"signature": "other", "runs": 2}},
        {"case": {"signature": "serving_default", "runs": 3}},
        {"setting": {"variables": {"A": "1"}, "jit_compile": False}},
        {"setting": {"variables": {}, "jit_compile": True}},
        {"host": "other"},
    ],
)
def test_every_part_is_in_the_key(change):
    assert recording_key(**{**PARTS, **change}) != recording_key(**PARTS)


def test_the_key_is_of_content_alone():
    reordered = {**PARTS, "case": {"runs": 2, "signature": "serving_default"}}
    assert recording_key(**reordered) == recording_key(**PARTS)
    # Two parts swapped are another key: each has its place.
    assert recording_key(**{**PARTS, "model": "i", "inputs": "m"}) != recording_key(**PARTS)
    assert len(recording_key(**PARTS)) == 64


def test_a_stored_array_is_a_memory_map_and_strings_are_read(results):
    numbers, strings = np.arange(6, dtype="f4").reshape(2, 3), np.array([b"a", b"bc"], object)
    stored = {}
    for array, dtype in ((numbers, "float32"), (strings, "string")):
        entry = ArrayEntry.from_json(write_array(str(results.objects), array, dtype))
        stored[dtype] = entry, results.array(entry)
    assert isinstance(stored["float32"][1], np.memmap)
    assert np.array_equal(stored["float32"][1], numbers)
    assert stored["string"][1].tolist() == [b"a", b"bc"]
    with pytest.raises(ValueError, match="another shape"):
        results.array(replace(stored["float32"][0], shape=(3, 2)))
    Path(object_path(str(results.objects), stored["float32"][0].objects[0])).unlink()
    with pytest.raises(OSError, match="No such file"):
        results.array(stored["float32"][0])


@pytest.mark.parametrize("side", ["reference", "array"])
def test_a_check_without_the_arrays_it_names_is_none(results, side):
    record(results, NUMBERS)
    whole = read_json(results.recording_path(KEY), 1)
    gone = {"dtype": "float32", "shape": [1], "objects": ["0" * 64], "nbytes": 4}
    there = {"reference": None, "array": None}
    for entry, found in ((None, True), (gone, False)):
        part = {"differences": [{**there, side: entry}]}
        write_json(results.recording_path(KEY), {**whole, "check": part})
        assert (results.recording(KEY) is not None) is found
