"""What is often taken for a SavedModel is named, with what to do."""

from __future__ import annotations

import io
import zipfile

import pytest
from built_models import v2_model, write
from savedmodel_matrix.domain.errors import NoModelError
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.models.preflight.features import features_of_files
from savedmodel_matrix.models.preflight.predict import predict
from savedmodel_matrix.models.preflight.prediction import Kind, Stage, Target
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.digest import DigestCache, model_digest
from savedmodel_matrix.models.savedmodel.facts import read_facts

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 12345\n" % (b"ab" * 32)
PAGE = b"\n<!DOCTYPE html><html><title>Sign in</title></html>"


def zipped(*names):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "{}")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("model.h5", b"\x89HDF\r\n\x1a\n\0\0", "a Keras .h5 file"),
        ("model.keras", zipped("metadata.json", "config.json"), "a .keras file"),
        ("model.zip", zipped("model/saved_model.pb"), "a zip archive: unpack it"),
        ("model.tar.gz", b"\x1f\x8b\x08\0", "an archive: unpack it"),
        ("model.tar", b"m" * 257 + b"ustar\0", "an archive: unpack it"),
        ("model.tflite", b"\x1c\0\0\0TFL3", "a TensorFlow Lite model"),
        (
            "model.pb",
            pb.WholeGraphDef(node=[pb.NodeDef(name="x", op="Const")]).SerializeToString(),
            "a graph on",
        ),
        ("saved_model.pb", POINTER, "git lfs pull"),
        ("saved_model.pb", PAGE, "a web page"),
    ],
)
def test_a_file_in_the_place_of_a_folder_is_named(tmp_path, name, content, says):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(NoModelError, match="a file, not a directory; it is ") as caught:
        read_facts(file)
    assert says in str(caught.value)
    with pytest.raises(NoModelError, match="a file, not a directory; it is "):
        model_digest(file, DigestCache(tmp_path / "digests.json"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (POINTER, "it is a git-lfs pointer"),
        (PAGE, "it is a web page"),
        (
            pb.WholeGraphDef(node=[pb.NodeDef(name="x", op="Const")]).SerializeToString(),
            "it is a graph on its",
        ),
        (b"", "the file is empty, or not a SavedModel"),
        (b"something else", "damaged, truncated, or not a SavedModel"),
    ],
)
def test_the_file_of_a_model_that_is_something_else_is_named(tmp_path, content, says):
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(NoModelError, match=says):
        read_facts(tmp_path)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["checkpoint", "ckpt.index", "ckpt.data-00000-of-00001"], "it holds a checkpoint"),
        (["model.json", "group1-shard1of1.bin"], "TensorFlow.js"),
        (["weights.h5"], "weights.h5 is a Keras .h5 file"),
        (["notes.txt"], "nor saved_model.pbtxt$"),
    ],
)
def test_a_folder_without_a_model_says_what_it_holds(tmp_path, names, says):
    for name in names:
        (tmp_path / name).write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(NoModelError, match=says):
        read_facts(tmp_path)


@pytest.mark.parametrize("content", [POINTER, PAGE])
def test_a_pointer_or_page_among_the_variables_is_named(tmp_path, content):
    folder = write(tmp_path, v2_model(), index=True)
    assert not features_of_files(folder)
    (folder / "variables/variables.index").write_bytes(content)
    (damaged,) = read_facts(folder).files.damaged
    assert damaged.startswith("variables/variables.index is a ")
    assert "damaged" not in damaged
    assert features_of_files(folder) == {"pointer-files" if content == POINTER else "web-pages"}


def test_an_asset_that_is_a_pointer_is_said_although_the_model_loads(tmp_path):
    folder = write(tmp_path, v2_model(), index=True)
    (folder / "assets").mkdir()
    (folder / "assets/words.txt").write_bytes(POINTER)
    files = read_facts(folder).files
    assert files.damaged == ()
    assert files.replaced_assets[0].startswith("assets/words.txt is a git-lfs pointer")


def test_what_only_keras_reads_may_be_damaged_and_the_model_still_load(tmp_path):
    folder = write(tmp_path, v2_model(), index=True)
    (folder / "keras_metadata.pb").write_bytes(POINTER)
    facts = read_facts(folder)
    assert facts.damaged_metadata.startswith("keras_metadata.pb: it is a git-lfs pointer")
    plain = predict(facts, Target("2.15.1"))
    assert plain.kind is Kind.LOADS
    assert any("git-lfs pointer" in each for each in plain.notes)
    found = predict(facts, Target("2.15.1", loader=Loader.KERAS))
    assert (found.kind, found.stage) == (Kind.FAILS, Stage.LOAD)
    assert any("git-lfs pointer" in each for each in found.because)
