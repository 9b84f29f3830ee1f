from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import pytest
from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.models.savedmodel.digest import DigestCache, code_digest, model_digest

LONG_AGO_NS = time.time_ns() - 3600 * 10**9


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    put(folder / "saved_model.pb", b"graph")
    put(folder / "variables" / "variables.index", b"index")
    return folder


@pytest.fixture
def cache(tmp_path):
    return DigestCache(tmp_path / "cache.json")


def put(file, content, mtime_ns=LONG_AGO_NS):
    file.write_bytes(content)
    os.utime(file, ns=(mtime_ns, mtime_ns))


@pytest.fixture
def hashed(monkeypatch):
    """Names of the files whose content was read for hashing."""
    names = []
    original = hashlib.file_digest

    def spy(stream, algorithm):
        names.append(Path(stream.name).name)
        return original(stream, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", spy)
    return names


def test_what_it_is_made_of(model, cache):
    lines = b"".join(
        b"%s\0%d\0%s\n" % (name, len(content), hashlib.sha256(content).hexdigest().encode())
        for name, content in [(b"saved_model.pb", b"graph"), (b"variables/variables.index", b"index")]
    )
    assert model_digest(model, cache) == hashlib.sha256(lines).hexdigest()


@pytest.mark.parametrize("change", ["content", "name", "added", "removed"])
def test_every_change_shows(model, cache, change):
    before = model_digest(model, cache)
    if change == "content":
        put(model / "saved_model.pb", b"GRAPH", LONG_AGO_NS + 1)
    elif change == "name":
        (model / "saved_model.pb").rename(model / "saved_model.pbtxt")
    elif change == "added":
        put(model / "fingerprint.pb", b"")
    else:
        (model / "saved_model.pb").unlink()
    assert model_digest(model, cache) != before


def test_place_and_times_play_no_part(model, cache, tmp_path):
    before = model_digest(model, cache)
    os.utime(model / "saved_model.pb", ns=(1, 1))
    assert model_digest(model.rename(tmp_path / "elsewhere"), cache) == before


def test_relative_path_is_the_same_model(model, cache, monkeypatch):
    monkeypatch.chdir(model.parent)
    assert model_digest(Path("model"), cache) == model_digest(model, cache)


def test_links_are_followed(model, cache, tmp_path):
    before = model_digest(model, cache)
    (model / "saved_model.pb").rename(tmp_path / "blob")
    (model / "saved_model.pb").symlink_to(tmp_path / "blob")
    (model / "variables").rename(tmp_path / "vars")
    (model / "variables").symlink_to(tmp_path / "vars")
    assert model_digest(model, cache) == before


def test_unchanged_files_are_read_once_even_by_another_process(model, cache, hashed, tmp_path):
    first = model_digest(model, cache)
    assert sorted(hashed) == ["saved_model.pb", "variables.index"]
    cache.save()
    hashed.clear()
    assert model_digest(model, DigestCache(tmp_path / "cache.json")) == first
    assert hashed == []


@pytest.mark.parametrize("how", ["mtime", "size", "inode"])
def test_changed_files_are_read_again(model, cache, hashed, how):
    model_digest(model, cache)
    hashed.clear()
    file = model / "saved_model.pb"
    if how == "mtime":
        put(file, b"other", LONG_AGO_NS + 1)
    elif how == "size":
        put(file, b"longer content")
    else:
        put(model.parent / "new", b"other")
        (model.parent / "new").replace(file)
    model_digest(model, cache)
    assert hashed == ["saved_model.pb"]


@pytest.mark.parametrize("ahead_s", [0, 3600])
def test_too_fresh_to_be_remembered(model, cache, ahead_s):
    # Written again within one tick of the clock, with the same size: nothing but the content tells.
    now = time.time_ns() + ahead_s * 10**9
    put(model / "saved_model.pb", b"first", now)
    before = model_digest(model, cache)
    put(model / "saved_model.pb", b"again", now)
    assert model_digest(model, cache) != before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"format": 2, "files": {"a": [1]}}',
        b'{"format": 2, "files": 3}',
        b"[" * 100_000,
    ],
)
def test_damaged_cache_is_done_without(model, cache, tmp_path, content):
    expected = model_digest(model, cache)
    (tmp_path / "cache.json").write_bytes(content)
    again = DigestCache(tmp_path / "cache.json")
    assert model_digest(model, again) == expected
    again.save()
    assert json.loads((tmp_path / "cache.json").read_bytes())["format"] == 2


def test_cache_of_another_format_is_not_believed(model, cache, tmp_path, hashed):
    model_digest(model, cache)
    cache.save()
    stored = json.loads((tmp_path / "cache.json").read_bytes())
    (tmp_path / "cache.json").write_text(json.dumps({**stored, "format": 1}))
    hashed.clear()
    model_digest(model, DigestCache(tmp_path / "cache.json"))
    assert len(hashed) == 2


def test_unwritable_cache_costs_only_time(model, cache, tmp_path):
    put(tmp_path / "file", b"")
    unwritable = DigestCache(tmp_path / "file" / "cache.json")
    assert model_digest(model, unwritable) == model_digest(model, cache)
    unwritable.save()


def test_nothing_is_left_beside_the_cache(model, cache, tmp_path):
    model_digest(model, cache)
    cache.save()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cache.json", "model"]


def test_missing(tmp_path, cache):
    with pytest.raises(UnreadableModelError, match="gone"):
        model_digest(tmp_path / "gone", cache)


def test_empty(tmp_path, cache):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableModelError, match="contains no file"):
        model_digest(tmp_path / "empty", cache)


def test_broken_link(model, cache):
    (model / "asset").symlink_to("nowhere")
    with pytest.raises(UnreadableModelError, match="asset: No such file"):
        model_digest(model, cache)


def test_link_in_a_circle(model, cache):
    (model / "variables" / "up").symlink_to(model)
    with pytest.raises(UnreadableModelError, match="own parent directories"):
        model_digest(model, cache)


def test_pipe(model, cache):
    os.mkfifo(model / "pipe")
    with pytest.raises(UnreadableModelError, match="neither a file nor a directory"):
        model_digest(model, cache)


def test_code_is_a_file_or_a_folder_without_what_python_makes_of_it(tmp_path, model, cache):
    (model / "__pycache__").mkdir()
    put(model / "__pycache__/a.cpython-311.pyc", b"compiled")
    (model / "variables" / "__pycache__").mkdir()
    before = code_digest(model, cache)
    assert before != model_digest(model, cache)
    put(model / "__pycache__/a.cpython-311.pyc", b"compiled anew")
    assert code_digest(model, cache) == before
    put(model / "variables/variables.index", b"changed")
    assert code_digest(model, cache) != before
    put(tmp_path / "a.py", b"code")
    assert code_digest(tmp_path / "a.py", cache) == hashlib.sha256(b"code").hexdigest()
    (tmp_path / "empty").mkdir()
    assert code_digest(tmp_path / "empty", cache) is None
    assert code_digest(tmp_path / "nowhere.py", cache) is None


def test_the_same_size_with_the_old_modification_time_is_noticed(model, cache):
    before = model_digest(model, cache)
    file = model / "saved_model.pb"
    status, content = file.stat(), file.read_bytes()
    file.write_bytes(bytes(reversed(content)))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.stat().st_mtime_ns == status.st_mtime_ns
    assert model_digest(model, cache) != before


def test_facts_of_what_was_hashed_are_known(model, cache):
    model_digest(model, cache)
    file = model / "saved_model.pb"
    status = file.stat()
    facts = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    assert cache.seen_at(model)[str(file)] == facts
    assert cache.seen_at(file) == {str(file): facts}
    assert cache.seen_at(model.parent / "other") == {}


def test_a_device_that_never_ends_is_not_read(cache):
    with pytest.raises(OSError, match="not a regular file"):
        cache.digest(Path("/dev/zero"))
    assert code_digest(Path("/dev/zero"), cache) is None
