from __future__ import annotations

import os
from typing import Literal

import pytest
from savedmodel_matrix.domain.errors import StoreError
from savedmodel_matrix.domain.stored import Stored
from savedmodel_matrix.probe.sealed import seal
from savedmodel_matrix.store.atomic import json_digest, read_stored, write_bytes, write_stored, write_text


class Note(Stored):
    format: Literal[2] = 2
    text: str
    number: float = 0.0


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "deep" / "er" / "a.json"
    value = Note(text="日本 \u2028", number=0.1)
    write_stored(path, value)
    assert read_stored(path, Note) == value
    assert [each.name for each in path.parent.iterdir()] == ["a.json"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_stored(path, Note(text="old"))

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            write_stored(path, Note(text="new"))
    assert read_stored(path, Note) == Note(text="old")
    # What is left of the attempt is nothing a reader of the folder would take for a result.
    assert [each.name for each in tmp_path.glob("*.json")] == ["a.json"]
    write_stored(path, Note(text="new"))
    assert read_stored(path, Note) == Note(text="new")


def test_a_write_in_progress_is_not_seen(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    seen = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *names: (seen.append(path.read_text()), replace(*names)))
    write_text(path, "new")
    assert (seen, path.read_text()) == (["old"], "new")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"format": 2',
        b"[1]",
        b'{"no": "format"}',
        b'{"format": "2"}',
        b"\xff",
        b"null",
        b'{"format": 2}',
    ],
)
def test_what_is_damaged_counts_as_absent_and_is_set_aside(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    assert read_stored(tmp_path / "a.json", Note) is None
    assert [path.name for path in tmp_path.iterdir()] == ["a.json.damaged"]


def test_what_is_absent(tmp_path):
    assert read_stored(tmp_path / "a.json", Note) is None
    assert read_stored(tmp_path, Note) is None


@pytest.mark.parametrize(
    ("number", "advice"), [(3, "upgrade savedmodel-matrix"), (1, "move the results folder away")]
)
def test_another_format_is_refused_with_instructions_and_stays(tmp_path, number, advice):
    write_bytes(tmp_path / "a.json", seal(f'{{"format": {number}}}', "Note"))
    with pytest.raises(
        StoreError, match=rf"a\.json has format {number}; this version reads format 2: {advice}"
    ):
        read_stored(tmp_path / "a.json", Note)
    assert (tmp_path / "a.json").exists()


def test_digests_are_of_content_and_not_of_order():
    assert json_digest({"a": 1, "b": [1, 2]}) == json_digest({"b": [1, 2], "a": 1})
    assert json_digest({"a": [1, 2]}) != json_digest({"a": [2, 1]})
    assert json_digest({"a": "1"}) != json_digest({"a": 1})
