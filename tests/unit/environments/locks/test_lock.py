"""Locks on disk: written, read, compared, and refused where they are damaged."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from savedmodel_matrix.domain.errors import LockError
from savedmodel_matrix.environments.locks.lock import (
    LockInput,
    is_current,
    parse_lock,
    read_identity,
    read_lock,
    render_lock,
)

A, B, C = (letter * 64 for letter in "abc")
# As uv writes it with --generate-hashes --no-header --no-annotate.
BODY = f"""\
numpy==1.26.4 \\
    --hash=sha256:{A} \\
    --hash=sha256:{B}
tensorflow-cpu==2.15.1 \\
    --hash=sha256:{C}
"""
DAY = dt.date(2024, 3, 22)
INPUT = LockInput(
    "tf2.15.1-py3.11-cpu", "3.11", ("tensorflow-cpu==2.15.1", "numpy>=1.20,<2"), DAY, "linux-x86_64"
)
TEXT = render_lock(INPUT, DAY, 279, BODY)


def changed(**fields):
    return dataclasses.replace(INPUT, **fields)


def test_reads_what_it_wrote(tmp_path):
    (tmp_path / "lock.txt").write_text(TEXT)
    lock = read_lock(tmp_path / "lock.txt")
    assert lock.made_from == INPUT
    assert lock.pins == {"numpy": "1.26.4", "tensorflow-cpu": "2.15.1"}
    assert lock.hashes == {"numpy": (A, B), "tensorflow-cpu": (C,)}
    assert (lock.download_mb, lock.resolved, lock.unresolvable) == (279, DAY, None)
    assert is_current(lock, INPUT) is None


@pytest.mark.parametrize("text", [TEXT, TEXT.replace("\n\n", "\n"), f"{TEXT}\n# a remark\n"])
def test_its_identity_is_known_without_its_pins(tmp_path, text):
    (tmp_path / "lock.txt").write_text(text)
    lock = read_lock(tmp_path / "lock.txt")
    assert read_identity(tmp_path / "lock.txt") == (lock.made_from, lock.digest)


def test_other_pins_are_another_identity(tmp_path):
    (tmp_path / "lock.txt").write_text(TEXT)
    (tmp_path / "other.txt").write_text(TEXT.replace("1.26.4", "1.26.3"))
    before, after = read_identity(tmp_path / "lock.txt"), read_identity(tmp_path / "other.txt")
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_an_identity_is_not_believed_if_the_header_was_edited(tmp_path):
    (tmp_path / "lock.txt").write_text(TEXT.replace("# python: 3.11", "# python: 3.10"))
    with pytest.raises(LockError, match="edited by hand"):
        read_identity(tmp_path / "lock.txt")


def test_the_header_is_readable():
    assert TEXT.splitlines()[:6] == [
        "# savedmodel-matrix lock, format 1",
        "# environment: tf2.15.1-py3.11-cpu",
        "# python: 3.11",
        "# platform: linux-x86_64",
        "# as of: 2024-03-22",
        "# requirement: tensorflow-cpu==2.15.1",
    ]
    assert TEXT.endswith(BODY)


@pytest.mark.parametrize(("as_of", "said"), [(None, "today"), (dt.date(2024, 4, 30), "2024-04-30")])
def test_the_day_it_was_resolved_on(as_of, said):
    """Both of today's packages and of those until a day that has not come yet."""
    text = render_lock(changed(exclude_newer=as_of), DAY, None, BODY)
    assert f"# as of: {said} (2024-03-22)\n" in text
    lock = parse_lock(text, "lock.txt")
    assert (lock.resolved, lock.made_from.exclude_newer, lock.download_mb) == (DAY, as_of, None)


def test_the_digest_is_of_what_is_installed():
    digest = parse_lock(TEXT, "lock.txt").digest
    other_header = render_lock(changed(environment_id="other"), DAY, None, BODY)
    assert parse_lock(other_header, "lock.txt").digest == digest
    other_pins = render_lock(INPUT, DAY, 279, BODY.replace(A, C))
    assert parse_lock(other_pins, "lock.txt").digest != digest


def test_unresolvable():
    words = "error: No solution found\n  cause: a needs b==1\n\nhint: none"
    body = "# unresolvable:\n# error: No solution found\n#   cause: a needs b==1\n#\n# hint: none"
    lock = parse_lock(render_lock(INPUT, DAY, None, body), "lock.txt")
    assert lock.unresolvable == words
    assert lock.pins == {}


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (changed(python="3.10"), "python: 3.11 -> 3.10"),
        (changed(exclude_newer=None), "as of: 2024-03-22 -> today"),
        (changed(platform="macos-arm64"), "platform: linux-x86_64 -> macos-arm64"),
        (changed(environment_id="x"), "environment: tf2.15.1-py3.11-cpu -> x"),
        (changed(requirements=(*INPUT.requirements, "tf-keras==2.15")), "requirements: + tf-keras==2.15"),
        (changed(requirements=INPUT.requirements[:1]), "requirements: - numpy>=1.20,<2"),
        (changed(requirements=INPUT.requirements[::-1]), "requirements: different order"),
        (
            changed(python="3.9", requirements=("numpy<2", "tensorflow-cpu==2.15.1")),
            "python: 3.11 -> 3.9; requirements: - numpy>=1.20,<2 + numpy<2",
        ),
    ],
)
def test_what_changed_is_named(now, reason):
    assert is_current(parse_lock(TEXT, "lock.txt"), now) == reason
    assert now.digest() != INPUT.digest()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a lock of this project"),
        (BODY, "not a lock of this project"),
        (TEXT.replace("format 1", "format 2"), "has lock format 2; this version reads format 1"),
        (TEXT.replace("# python: 3.11\n", ""), "in its header: 'python'"),
        (TEXT.replace("as of: 2024-03-22", "as of: soon"), "in its header: "),
        (TEXT.replace("279 MB", "some MB"), "in its header: "),
        (TEXT.replace("# python: 3.11", "# python: 3.12"), "its header was edited by hand"),
        (TEXT.replace(f"--hash=sha256:{C}", ""), "not a pin with hashes: 'tensorflow-cpu==2.15.1"),
        (TEXT.replace(A, "abc"), "not a pin with hashes: 'numpy"),
        (TEXT + "evil @ file:///evil\n", "not a pin with hashes: 'evil"),
        (TEXT.replace(BODY, ""), "it has no pins"),
        (TEXT + "# unresolvable:\n# error\n", "both pins and a reason for having none"),
    ],
)
def test_damage_is_named_with_what_to_do(text, words):
    with pytest.raises(LockError, match=f"^lock.txt .*{words}.*nox -s lock"):
        parse_lock(text, "lock.txt")


def test_a_missing_lock(tmp_path):
    with pytest.raises(LockError, match="does not exist: run 'nox -s lock'"):
        read_lock(tmp_path / "lock.txt")


def test_a_lock_that_is_not_text(tmp_path):
    (tmp_path / "lock.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(LockError, match="cannot be read"):
        read_lock(tmp_path / "lock.txt")


def test_what_is_left_out_is_part_of_the_definition_and_nothing_changes_without_it():
    whole = LockInput("e", "3.11", ("tensorflow-cpu==2.15.1",), None, "linux-x86_64")
    assert dataclasses.replace(whole, without=()).digest() == whole.digest()
    bare = dataclasses.replace(whole, without=("h5py", "wrapt"))
    assert bare.digest() != whole.digest()
    body = f"some-package==1 --hash=sha256:{'0' * 64}"
    text = render_lock(bare, dt.date(2024, 1, 1), 5, body)
    assert "# without: h5py\n# without: wrapt\n" in text
    assert parse_lock(text, "lock").made_from == bare
    assert is_current(parse_lock(text, "lock"), whole) == "without: h5py, wrapt -> -"
