"""What is kept of an output of any length."""

from __future__ import annotations

import os

import pytest
from savedmodel_matrix.probe import log


def logged(*parts):
    made = log.Log()
    for part in parts:
        made.add(part)
    return made.text()


@pytest.mark.parametrize("size", [0, 1, log.HEAD_BYTES, log.HEAD_BYTES + log.TAIL_BYTES])
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_what_is_short_is_whole(size, step):
    data = (b"0123456789\n" * 1000)[:size]
    assert logged(*(data[at : at + step] for at in range(0, size, step))) == data.decode()


@pytest.mark.parametrize("step", [100, 4096, 1 << 24])
def test_of_what_is_long_the_beginning_and_the_end_are_kept_and_what_is_left_out_is_counted(step):
    data = b"first\n" + b"".join(b"%08d\n" % number for number in range(1_000_000)) + b"last\n"
    text = logged(*(data[at : at + step] for at in range(0, len(data), step)))
    assert text.startswith("first\n00000000\n")
    assert text.endswith("00999999\nlast\n")
    head, said, tail = text.partition("\n[... ")
    number = int(said and tail.partition(" ")[0])
    tail = tail.partition(" bytes left out ...]\n")[2]
    assert len(head) + number + len(tail) == len(data)
    assert tail.startswith("009"), "a line is not cut"
    assert len(text) < log.HEAD_BYTES + log.TAIL_BYTES + 100


def test_a_line_without_end_is_kept_in_part():
    assert logged(b"x" * 1_000_000).endswith("x" * log.TAIL_BYTES)


def test_a_character_that_is_cut_is_replaced():
    assert logged(b"a\xc3") == "a�"


def test_a_capture_passes_on_no_more_than_its_limit_and_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "PASSED_ON_BYTES", 100_000)
    with (tmp_path / "copy").open("wb") as copy:
        capture = log.Capture(passed_on=copy.fileno())
        writing = os.dup(capture.write)
        capture.begin()
        for _ in range(1000):
            os.write(writing, b"line\n" * 200)
        os.write(writing, b"last\n")
        os.close(writing)
        assert capture.end().total == 1_000_005
    copied = (tmp_path / "copy").read_bytes()
    assert len(copied) < 100_000 + log.TAIL_BYTES + 100
    assert copied.endswith(b"last\n")
