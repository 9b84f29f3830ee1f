"""Known changes of the minors between two releases."""

from __future__ import annotations

from savedmodel_matrix.knowledge.release_notes import notes_between


def test_the_minors_after_the_older_up_to_the_newer():
    assert [note.partition(":")[0] for note in notes_between("2.7.4", "2.9.1")] == ["2.8", "2.8", "2.9"]
    assert notes_between("2.9.0", "2.9.3") == []


def test_candidates_and_nightlies_belong_to_their_minor():
    assert any("Keras 3" in note for note in notes_between("2.15.1", "2.16.0rc0"))
    assert notes_between("2.18.0", "2.19.0.dev20261001") == []
