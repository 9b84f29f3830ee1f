from __future__ import annotations

import os

import pytest
from savedmodel_matrix.domain.errors import StoreError
from savedmodel_matrix.store.atomic import json_digest, read_json, write_json, write_text


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "deep" / "er" / "a.json"
    value = {"format": 1, "text": "日本 \u2028", "number": 0.1}
    write_json(path, value)
    assert read_json(path, 1) == value
    assert [each.name for each in path.parent.iterdir()] == ["a.json"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_json(path, {"format": 1, "is": "old"})

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            write_json(path, {"format": 1, "is": "new"})
    assert read_json(path, 1) == {"format": 1, "is": "old"}
    # What is left of the attempt is nothing a reader of the folder would take for a result.
    assert [each.name for each in tmp_path.glob("*.json")] == ["a.json"]
    write_json(path, {"format": 1, "is": "new"})
    assert read_json(path, 1) == {"format": 1, "is": "new"}


def test_a_write_in_progress_is_not_seen(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    seen = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *names: (seen.append(path.read_text()), replace(*names)))
    write_text(path, "new")
    assert (seen, path.read_text()) == (["old"], "new")


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"format": 1', b"[1]", b'{"no": "format"}', b'{"format": "1"}', b"\xff", b"null"]
)
def test_what_is_damaged_counts_as_absent(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    assert read_json(tmp_path / "a.json", 1) is None


def test_what_is_absent(tmp_path):
    assert read_json(tmp_path / "a.json", 1) is None
    assert read_json(tmp_path, 1) is None


def test_a_newer_format_is_refused_with_instructions(tmp_path):
    write_json(tmp_path / "a.json", {"format": 2})
    with pytest.raises(StoreError, match=r"a\.json has format 2; this version reads up to 1: upgrade"):
        read_json(tmp_path / "a.json", 1)


def test_an_older_format_is_handed_to_the_reader(tmp_path):
    write_json(tmp_path / "a.json", {"format": 1})
    assert read_json(tmp_path / "a.json", 2) == {"format": 1}


def test_digests_are_of_content_and_not_of_order():
    assert json_digest({"a": 1, "b": [1, 2]}) == json_digest({"b": [1, 2], "a": 1})
    assert json_digest({"a": [1, 2]}) != json_digest({"a": [2, 1]})
    assert json_digest({"a": "1"}) != json_digest({"a": 1})
