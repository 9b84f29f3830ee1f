"""Files made to hang a reader or to fill its memory: each is refused, or read for the little it says."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from built_models import EXAMPLES, keras_metadata, node, user_object, v1_model, v2_model, write
from flow_models import op, string
from hypothesis import given, settings
from hypothesis import strategies as st
from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.models.savedmodel import facts as facts_module
from savedmodel_matrix.models.savedmodel.facts import read_facts
from savedmodel_matrix.models.savedmodel.wire import Walk

CNN = (EXAMPLES / "cnn" / "saved_model.pb").read_bytes()


def number(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(tag, content):
    return number(tag << 3 | 2) + number(len(content)) + content


def inside(content, *path):
    for tag in reversed(path):
        content = field(tag, content)
    return content


def refused(folder, content, name="saved_model.pb"):
    (folder / name).write_bytes(content)
    with pytest.raises(UnreadableModelError) as caught:
        read_facts(folder)
    assert str(folder) in str(caught.value)
    assert len(str(caught.value)) < 600
    return str(caught.value)


@pytest.fixture
def impatient(monkeypatch):
    """A walk that gives up a hundred times sooner."""
    monkeypatch.setattr(facts_module, "Walk", lambda: Walk(40_000))


@pytest.mark.parametrize(
    "path",
    [
        (2, 2, 1),  # nodes
        (2, 2, 2, 1),  # functions
        (2, 2, 2, 1, 3),  # nodes of a function
        (2, 1, 2, 1),  # declared ops
        (2, 4),  # collections
        (2, 5),  # signatures
        (2, 6),  # assets
        (2, 7, 1),  # objects
        (2, 7, 1, 1),  # children of an object
        (2, 7, 1, 3),  # its slots
        (2, 7, 2),  # functions with their signatures
    ],
)
def test_floods_of_empty_messages(tmp_path, impatient, path):
    message = refused(tmp_path, inside(field(path[-1], b"") * 50_000, *path[:-1]))
    assert "more parts than any real model" in message


@pytest.mark.parametrize(
    "path",
    [(2, 2, 1, 5), (2, 2, 2, 1, 3, 5), (2, 1, 2, 1, 4), (2, 1, 4)],
    ids=["node", "function", "op", "tags"],
)
def test_floods_within_one_message(tmp_path, path):
    assert " of 1200000 bytes" in refused(tmp_path, inside(field(path[-1], b"") * 600_000, *path[:-1]))


def test_flood_of_meta_graphs(tmp_path):
    assert "more than 1000 meta graphs" in refused(tmp_path, field(2, b"") * 100_000)


def test_flood_of_op_types(tmp_path):
    model = v2_model(*(node(f"Op{each}") for each in range(20_001)))
    assert "more than 20000 op types" in refused(tmp_path, model.SerializeToString())


def test_many_paths_through_one_long_chain(tmp_path, impatient):
    chain = [op(f"n{each + 1}", "Identity", f"n{each}") for each in range(300)]
    reads = [op(f"r{each}", "ReadFile", "n300") for each in range(200)]
    every = op("y", "Pack", *(each.name for each in reads))
    model = v1_model(string("n0", "/data/words.txt"), *chain, *reads, every)
    assert "more parts than any real model" in refused(tmp_path, model.SerializeToString())


def test_values_nested_without_end(tmp_path):
    value = b"\x08\x00"
    for _ in range(5_000):
        value = inside(value, 52, 1)
    assert "endlessly nested" in refused(tmp_path, inside(field(1, b"f") + inside(value, 2, 3), 2, 7, 2))


def test_text_with_nothing_but_structure(tmp_path):
    assert "bytes of text" in refused(tmp_path, b"meta_graphs{}" * 200_000, "saved_model.pbtxt")


def test_a_file_that_is_a_hole(tmp_path):
    with (tmp_path / "saved_model.pb").open("wb") as file:
        file.truncate((1 << 31) - 1)
    with pytest.raises(UnreadableModelError, match="without a number"):
        read_facts(tmp_path)


def test_an_empty_file(tmp_path):
    assert "contains no meta graph" in refused(tmp_path, b"")


def test_a_pipe_is_not_waited_on(tmp_path):
    os.mkfifo(tmp_path / "saved_model.pb")
    with pytest.raises(UnreadableModelError, match="not a regular file"):
        read_facts(tmp_path)


def test_keras_metadata_that_is_a_pipe(tmp_path):
    folder = write(tmp_path, v2_model())
    os.mkfifo(folder / "keras_metadata.pb")
    assert "keras_metadata.pb: not a regular file" in read_facts(folder).damaged_metadata


def test_metadata_nested_without_end(tmp_path):
    folder = write(tmp_path, v2_model(objects=[user_object("_tf_keras_layer", "[" * 100_000)]))
    assert "not JSON" in read_facts(folder).damaged_metadata


def test_metadata_of_one_object_beyond_measure(tmp_path):
    folder = write(tmp_path, v2_model())
    (folder / "keras_metadata.pb").write_bytes(keras_metadata(("_tf_keras_layer", {"name": "x" * (5 << 20)})))
    assert "bytes for one object" in read_facts(folder).damaged_metadata


def test_an_index_that_claims_too_many_shards(tmp_path):
    folder = write(tmp_path, v2_model())
    (folder / "variables" / "variables.index").write_bytes(b"\0\0\x04\x08\xff\xff\x7f" + bytes(20))
    assert read_facts(folder).files.shards == 1


@pytest.mark.parametrize("kept", [1, 100, 5_000, len(CNN) // 2, len(CNN) - 1])
def test_a_real_model_cut_short(tmp_path, kept):
    assert "truncated" in refused(tmp_path, CNN[:kept])


def answer(folder):
    try:
        return f"{folder}: {len(read_facts(folder).meta_graphs)}"
    except UnreadableModelError as error:
        return str(error)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_real_model_damaged_anywhere(data):
    content = bytearray((EXAMPLES / "custom_layer" / "saved_model.pb").read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "saved_model.pb").write_bytes(content)
        assert folder in answer(Path(folder))


@settings(deadline=None)
@given(
    content=st.binary(max_size=200),
    name=st.sampled_from(["saved_model.pb", "saved_model.pbtxt", "keras_metadata.pb"]),
)
def test_any_bytes_in_any_file(content, name):
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), v2_model())
        if name.endswith("txt"):
            (Path(folder) / "saved_model.pb").unlink()
        (Path(folder) / name).write_bytes(content)
        assert folder in answer(Path(folder))
