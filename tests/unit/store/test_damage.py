"""Bytes that are not what their name or type says are never believed, and never stay."""

from __future__ import annotations

import numpy as np
import pytest
from recordings import recording
from savedmodel_matrix.domain.arrays import ArrayEntry
from savedmodel_matrix.domain.errors import DamagedError, StoreError
from savedmodel_matrix.domain.recording import Recording
from savedmodel_matrix.probe import arrays
from savedmodel_matrix.probe.sealed import seal, unseal
from savedmodel_matrix.store.atomic import read_stored, write_stored
from savedmodel_matrix.store.results import Results


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    """What one process hashed another has to hash again."""
    monkeypatch.setattr(arrays, "_VERIFIED", set())


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path)


def stored(results, value):
    made = arrays.write_array(str(results.objects), value, "float32")
    return ArrayEntry(made["dtype"], tuple(made["shape"]), tuple(made["objects"]), made["nbytes"])


def place(results, entry):
    return results.objects / entry.objects[0][:2] / f"{entry.objects[0]}.npy"


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == "one bit":
        content[-3] ^= 4
    elif how == "zeroed":
        content = bytearray(len(content))
    elif how == "cut":
        content = content[:-1]
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["one bit", "zeroed", "cut"])
def test_a_damaged_array_is_set_aside_and_not_read(results, how):
    entry = stored(results, np.arange(50, dtype=np.float32))
    damage(place(results, entry), how)
    with pytest.raises(DamagedError, match="set aside, run again"):
        results.array(entry)
    assert not results.has_array(entry)
    assert [path.suffix for path in place(results, entry).parent.iterdir()] == [".damaged"]


@pytest.mark.parametrize("how", ["one bit", "zeroed", "cut"])
def test_what_is_written_again_replaces_what_is_damaged(results, how):
    value = np.arange(50, dtype=np.float32)
    entry = stored(results, value)
    damage(place(results, entry), how)
    assert stored(results, value) == entry
    np.testing.assert_array_equal(results.array(entry), value)


def test_all_arrays_are_verified_at_once(results):
    good, bad = (stored(results, np.full(3, each, np.float32)) for each in (1, 2))
    missing = ArrayEntry("float32", (3,), ("0" * 64,), 12)
    damage(place(results, bad), "one bit")
    assert results.verify([good, bad, bad, missing]) == 1
    assert results.has_array(good)
    assert not results.has_array(bad)
    assert results.verify([good, bad]) == 0


def test_every_object_of_the_store_is_verified(results):
    good, bad = (stored(results, np.full(3, each, np.float32)) for each in (1, 2))
    damage(place(results, bad), "one bit")
    assert results.verify_all() == 1
    assert results.has_array(good)
    assert not results.has_array(bad)
    assert results.verify_all() == 0


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\x00" * 300,
        b'{"format": 2}',
        b'{"format": 2, "outputs": null}',
        b"[1, 2]",
        b'"text"',
        b"{" * 5000,
    ],
)
def test_a_recording_that_does_not_fit_is_set_aside_with_a_line_that_names_it(results, caplog, text):
    path = results.recording_path("ab" * 32)
    path.parent.mkdir(parents=True)
    path.write_bytes(text)
    assert results.recording("ab" * 32) is None
    assert not path.exists()
    assert path.with_name(path.name + ".damaged").read_bytes() == text
    assert [path.name in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize(
    ("change", "value"),
    [("outcome", "unheard-of"), ("outputs", None), ("effective", []), ("phases", {"load": {}}), ("key", 3)],
)
def test_a_recording_with_one_wrong_field_is_set_aside(results, change, value):
    made = recording().model_dump(mode="json", by_alias=True)
    path = results.recording_path(made["key"])
    path.parent.mkdir(parents=True)
    import json

    path.write_bytes(seal(json.dumps({**made, change: value}), "Recording"))
    assert read_stored(path, Recording) is None
    assert not path.exists()


def test_a_recording_of_another_version_is_refused_with_advice_and_stays(results):
    path = results.recording_path("ab" * 32)
    write_stored(path, recording())
    older = unseal(path.read_bytes(), "Recording").decode().replace('"format": 2', '"format": 1')
    path.write_bytes(seal(older, "Recording"))
    with pytest.raises(StoreError, match="move the results folder away"):
        read_stored(path, Recording)
    assert path.exists()
