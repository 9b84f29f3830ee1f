from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError
from savedmodel_matrix.domain.input_sources import (
    GenerateSource,
    InputSource,
    NpySource,
    NpzSource,
    RestSource,
    WarmupSource,
    source_files,
)

SOURCES = TypeAdapter(list[InputSource])


def test_as_written_in_a_definition():
    written = [
        {"npz": "x.npz"},
        {"npy": "x.npy", "input": "x"},
        {"rest": "body.json"},
        {"warmup": 20},
        {"generate": {"seed": 1, "batch": 8, "length": 16000, "ranges": {"a": [0, 3]}}},
    ]
    npz, npy, rest, warmup, generate = SOURCES.validate_python(written)
    assert npz == NpzSource(npz=Path("x.npz"))
    assert npy == NpySource(npy=Path("x.npy"), input="x")
    assert rest == RestSource(rest=Path("body.json"))
    assert warmup == WarmupSource(warmup=20)
    assert isinstance(generate, GenerateSource)
    assert (generate.generate.batch, generate.generate.ranges) == (8, {"a": (0, 3)})


def test_vocabulary_keeps_its_types():
    (source,) = SOURCES.validate_python([{"generate": {"vocabulary": {"a": [True, 1, 1.0, "1"]}}}])
    assert [type(value) for value in source.generate.vocabulary["a"]] == [bool, int, float, str]


def test_models_are_taken_as_they_are():
    source = WarmupSource(warmup=1)
    assert SOURCES.validate_python([source]) == [source]


@pytest.mark.parametrize(
    ("written", "where"),
    [
        ({"npz": "x.npz", "input": "x"}, (0, "npz", "input")),
        ({"generate": {"sead": 1}}, (0, "generate", "generate", "sead")),
        ({"generate": {"seed": -1}}, (0, "generate", "generate", "seed")),
        ({"generate": {"ranges": {"a": [0, float("inf")]}}}, (0, "generate", "generate", "ranges", "a", 1)),
        ({"generate": {"vocabulary": {"a": []}}}, (0, "generate", "generate", "vocabulary", "a")),
        ({"warmup": 0}, (0, "warmup", "warmup")),
        ({"warmup": 1001}, (0, "warmup", "warmup")),
    ],
)
def test_mistakes_are_answered_for_the_kind_that_was_meant(written, where):
    with pytest.raises(ValidationError) as caught:
        SOURCES.validate_python([written])
    assert {error["loc"][: len(where)] for error in caught.value.errors()} == {where}


@pytest.mark.parametrize("written", [{}, {"npzz": "x"}, "x.npz"])
def test_no_kind(written):
    with pytest.raises(ValidationError, match=r"exactly one of the keys npz, npy, .*, generate"):
        SOURCES.validate_python([written])


def test_schema_can_be_generated():
    assert len(SOURCES.json_schema()["items"]["oneOf"]) == 6


@pytest.mark.parametrize(
    ("written", "files"),
    [
        ({"npz": "x.npz"}, ["x.npz"]),
        ({"npy": "x.npy"}, ["x.npy"]),
        ({"rest": "x.json"}, ["x.json"]),
        ({"files": "photos/*.jpg"}, ["photos/a.jpg", "photos/b.jpg"]),
        ({"files": "**/*.jpg"}, ["photos/a.jpg", "photos/b.jpg"]),
        ({"files": "nothing/*"}, []),
        ({"warmup": 1}, []),
        ({"generate": {}}, []),
    ],
)
def test_source_files(tmp_path, written, files):
    for name in ("b.jpg", "a.jpg", "c.png"):
        (tmp_path / "photos").mkdir(exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(b"")
    (tmp_path / "photos" / "folder.jpg").mkdir()
    (source,) = SOURCES.validate_python([written])
    assert source_files(source, tmp_path) == [tmp_path / name for name in files]


def test_an_absolute_pattern(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    (source,) = SOURCES.validate_python([{"files": str(tmp_path / "*.jpg")}])
    assert source_files(source, tmp_path / "elsewhere") == [tmp_path / "a.jpg"]
