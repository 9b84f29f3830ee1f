from __future__ import annotations

import os

import pytest
from savedmodel_matrix.domain.errors import DefinitionError
from savedmodel_matrix.planning.load import load_definition, nearest

GOOD = """
baseline = "tf2.9.3-*"

[[environments]]
tensorflow = ["2.9", "2.15.1"]

[cases.cnn]
path = "models/cnn"
"""


def problems_of(folder, text):
    path = folder / "m.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        load_definition(path)
    for problem in caught.value.problems:
        assert problem.startswith(f"{path}: ")
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def test_a_definition(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text(GOOD, encoding="utf-8")
    definition = load_definition(path)
    assert definition.environments[0].tensorflow == ["2.9", "2.15.1"]
    assert definition.environments[0].python == ["auto"]
    assert list(definition.settings) == ["default"]


def test_power_is_not_required_without_time_for_it(tmp_path):
    (found,) = problems_of(tmp_path, f"{GOOD}\n[power]\nseconds = 0\nrequired = true\n")
    assert found == "power: required power has to be measured: give it more than 0 seconds"


def test_every_mistake_is_answered_at_once(tmp_path):
    text = """
    baseline = "tf2.9.3-*"

    [[environments]]
    tensorflow = "2.9"
    pyton = "3.10"

    [settings.default]
    intra_op_threads = 0

    [cases.cnn]
    path = "models/cnn"
    timelimit = 30

    [cases.cnn.tolerance]
    "*" = { atol = -1 }

    [[exclude]]
    cells = "*"
    """
    found = problems_of(tmp_path, text)
    assert sorted(found) == [
        "cases.cnn.timelimit: unknown key; did you mean 'time_limit'?",
        "cases.cnn.tolerance.*.atol: input should be greater than or equal to 0 (given: -1)",
        "environments.0.pyton: unknown key; did you mean 'python'?",
        "exclude.0.reason: field required",
        "settings.default.intra_op_threads: input should be greater than or equal to 1 (given: 0)",
    ]


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("{ generate = { sede = 1 } }", ".generate.sede: unknown key; did you mean 'seed'?"),
        (
            "{ generate = { seed = -1 } }",
            ".generate.seed: input should be greater than or equal to 0 (given: -1)",
        ),
        ('{ npy = "a.npy", inputt = "x" }', ".inputt: unknown key; did you mean 'input'?"),
        ('{ npz = "a.npz", rest = "b.json" }', ".rest: unknown key; known names: npz"),
        ("{ warmup = 0 }", ".warmup: input should be greater than or equal to 1 (given: 0)"),
        (
            '{ file = "a.npz" }',
            ": an input needs exactly one of the keys npz, npy, rest, files, warmup, generate",
        ),
    ],
)
def test_mistakes_in_inputs_are_answered_for_the_kind_that_was_meant(tmp_path, source, answer):
    assert problems_of(tmp_path, f"{GOOD}inputs = [{source}]") == [f"cases.cnn.inputs.0{answer}"]


def test_a_value_no_member_of_a_union_takes_is_one_problem(tmp_path):
    (problem,) = problems_of(tmp_path, GOOD + 'inputs = [{ generate = { ranges = { x = ["low", 1] } } }]')
    assert problem.startswith("cases.cnn.inputs.0.generate.ranges.x.0: ")
    assert "integer" in problem
    assert "number" in problem


def test_names_are_checked_and_shown_as_they_are(tmp_path):
    (problem,) = problems_of(tmp_path, GOOD + '[cases."a/b"]\npath = "x"')
    assert problem.startswith("cases.a/b: string should match pattern")


def test_an_unquoted_version_is_refused(tmp_path):
    # 2.10 without quotes is the number 2.1.
    (problem,) = problems_of(tmp_path, GOOD.replace('"2.9"', "2.10"))
    assert problem == "environments.0.tensorflow.0: input should be a valid string (given: 2.1)"


def test_unknown_key_at_the_top(tmp_path):
    found = problems_of(tmp_path, "baselin = 'x'\n" + GOOD)
    assert found == ["baselin: unknown key; did you mean 'baseline'?"]


@pytest.mark.parametrize("content", [b"a = ", b"\xff\xfe"])
def test_what_is_not_toml(tmp_path, content):
    path = tmp_path / "m.toml"
    path.write_bytes(content)
    with pytest.raises(DefinitionError, match="not valid TOML"):
        load_definition(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DefinitionError, match=r"m\.toml: No such file.*init"):
        load_definition(tmp_path / "m.toml")


@pytest.mark.parametrize(
    ("word", "known", "answer"),
    [
        ("sede", ["seed", "batch"], "; did you mean 'seed'?"),
        ("zzz", ["seed", "batch"], "; known names: batch, seed"),
        ("zzz", [], "; known names: none"),
    ],
)
def test_nearest(word, known, answer):
    assert nearest(word, known) == answer


def test_what_is_no_file_or_too_large_is_not_read(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "large.toml").write_text(GOOD + "#" * 100)
    monkeypatch.setattr("savedmodel_matrix.planning.load._LARGEST", 100)
    for name in ("pipe", "large"):
        with pytest.raises(DefinitionError, match=r"not a file, or one of more than 100 bytes"):
            load_definition(tmp_path / f"{name}.toml")


def test_a_key_of_thousands_of_parts_is_refused_before_it_is_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr("tomllib.loads", None)
    for key in (f"x{'.a' * 1000} = 1", f"[x{'.a' * 1000}]", f"  [[ x{' . a' * 1000} ]]"):
        (problem,) = problems_of(tmp_path, f"{GOOD}{key}\n")
        assert problem == "nested too deeply; a definition needs five levels"


@pytest.mark.parametrize("path", ["a" * 256, "é" * 128, "a/" * 1500], ids=len)
def test_a_path_that_no_file_system_takes(tmp_path, path):
    for text in (GOOD.replace("models/cnn", path), f'{GOOD}inputs = [{{ npz = "{path}" }}]\n'):
        (problem,) = problems_of(tmp_path, text)
        assert "a path has at most 2048 bytes, and each name in it 255" in problem
