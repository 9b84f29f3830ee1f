"""The index of variables is read like TensorFlow reads it, and refused when TensorFlow would refuse it."""

from __future__ import annotations

import pytest
from built_models import EXAMPLES, checkpoint_index
from savedmodel_matrix.models.savedmodel.checkpoint import read_index
from savedmodel_matrix.models.savedmodel.snappy import unpack
from savedmodel_matrix.models.savedmodel.wire import DamagedError, Walk


def refused(file, content):
    file.write_bytes(content)
    with pytest.raises(DamagedError) as caught:
        read_index(file)
    return str(caught.value)


@pytest.mark.parametrize(("name", "length"), [("article", 11_395), ("cnn", 128_677), ("rnn", 40_490)])
def test_the_examples_need_exactly_the_bytes_that_they_have(name, length):
    found = read_index(EXAMPLES / name / "variables" / "variables.index")
    assert (found.shards, found.lengths) == (1, {0: length})


def test_lengths_of_several_shards(tmp_path):
    file = tmp_path / "i"
    file.write_bytes(checkpoint_index(3, (0, 0, 10), (2, 5, 7), (0, 20, 1), (1, 9, 0)))
    found = read_index(file)
    assert (found.shards, found.lengths) == (3, {0: 21, 2: 12})


@pytest.mark.parametrize("at", [0, 3, 5, 200, -48 - 1, -1])
def test_a_flipped_bit(tmp_path, at):
    content = bytearray((EXAMPLES / "article" / "variables" / "variables.index").read_bytes())
    content[at] ^= 1
    refused(tmp_path / "i", content)


@pytest.mark.parametrize("kept", [0, 1, 47, 48, 200, 391])
def test_a_truncated_index(tmp_path, kept):
    content = (EXAMPLES / "article" / "variables" / "variables.index").read_bytes()
    assert ("empty" if not kept else "truncated") in refused(tmp_path / "i", content[:kept])


def test_a_shard_that_the_header_does_not_have(tmp_path):
    assert "data file 3 of 2" in refused(tmp_path / "i", checkpoint_index(2, (3, 0, 1)))
    assert "0 data files" in refused(tmp_path / "i", checkpoint_index(0))


def test_snappy():
    # 11 bytes: "ab" as it is, then nine bytes from two bytes before.
    assert bytes(unpack(Walk(), memoryview(b"\x0b\x04ab\x15\x02"), 100)) == b"abababababa"
    long = bytes(300)
    assert bytes(unpack(Walk(), memoryview(b"\xac\x02\xf4\x2b\x01" + long), 300)) == long


@pytest.mark.parametrize(
    "packed", [b"\x0b\x04ab", b"\x0b\x04ab\x15\x03", b"\xff\xff\xff\x7f", b"\x03\x04ab\x15\x02"]
)
def test_what_is_not_snappy(packed):
    with pytest.raises(DamagedError):
        unpack(Walk(), memoryview(packed), 1000)
