"""The knowledge base is valid, and what would not be is refused with the file and the entry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from savedmodel_matrix.domain.definition import CaseDefinition, EnvironmentBlock
from savedmodel_matrix.domain.errors import HarnessError
from savedmodel_matrix.knowledge.causes.base import DATA, RemedyKind, known_causes, load_causes

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = {
    "id": '"some-cause"',
    "title": '"Something"',
    "outcomes": '["load-failed"]',
    "pattern": '"text (?P<op>x)"',
    "explanation": '"What it is, in a sentence or two."',
    "source": '"https://example.org/1"',
    "seen": "true",
}


def write(folder: Path, *entries: dict[str, str | None], name: str = "theme.toml") -> Path:
    """Write entries, each ENTRY with some keys changed, or left out where the value is None."""
    text = "".join(
        "[[causes]]\n"
        + "".join(f"{key} = {value}\n" for key, value in (ENTRY | entry).items() if value is not None)
        for entry in entries
    )
    (folder / name).write_text(text)
    return folder


def test_what_is_shipped_is_valid_and_not_small():
    themes = load_causes(DATA)
    assert set(themes) == {"hardware", "inputs", "keras", "loading", "packages", "sessions"}
    assert all(themes.values())
    assert len(known_causes()) >= 28
    assert sum(cause.seen for cause in known_causes()) >= 20


def test_every_source_is_an_address_or_a_measurement():
    for cause in known_causes():
        assert re.search(r"https://\S+|measured here", cause.source), cause.id
        if cause.seen:
            assert "measured here" in cause.source, cause.id


def test_every_failure_has_something_to_try():
    assert [cause.id for cause in known_causes() if not cause.remedies] == []


def test_loaders_and_dates_are_those_of_a_definition():
    for cause in known_causes():
        for remedy in cause.remedies:
            if remedy.kind is RemedyKind.LOADER:
                CaseDefinition(path="model", loader=remedy.value)
            if remedy.kind is RemedyKind.RESOLVE and not remedy.fields:
                EnvironmentBlock(tensorflow=["2.9"], resolve=[remedy.value])


def test_an_entry_is_read(tmp_path):
    (cause,) = load_causes(write(tmp_path, {"tensorflow": '">=2.16"'}))["theme"]
    assert cause.id == "some-cause"
    assert cause.pattern.search("a text x")
    assert "2.17" in cause.tensorflow
    assert cause.groups == {"op"}
    assert cause.remedies == ()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"pattren": '"x"'}, "pattren: unknown key"),
        ({"remedies": '[{ kind = "pin", value = "a", note = "b" }]'}, "note: unknown key"),
        ({"pattern": '"("'}, "pattern: not a regular expression"),
        ({"tensorflow": '"2.16 or so"'}, "tensorflow: not a range of versions"),
        ({"producer": '"~2"'}, "producer: not a range of versions"),
        ({"source": None}, "source"),
        ({"source": '""'}, "source"),
        ({"explanation": '"Short."'}, "explanation"),
        ({"outcomes": "[]"}, "outcomes"),
        ({"outcomes": '["recorded"]'}, "recorded is not a failure"),
        ({"outcomes": '["loadfailed"]'}, "outcomes"),
        ({"pattern": None}, "without a text nothing is matched"),
        ({"seen": "false"}, "give an example if and only if seen = false"),
        ({"example": '"a text x"'}, "give an example if and only if seen = false"),
        ({"features": '["slots"]'}, "no feature 'slots'; known: op:NAME"),
        ({"needs_features": "true"}, "needs_features without features"),
        ({"remedies": '[{ kind = "magic", value = "x" }]'}, "kind"),
        ({"remedies": '[{ kind = "advice", value = "Ask {major}." }]'}, "nothing fills in major"),
        ({"remedies": '[{ kind = "package", value = "what-was-{op}" }]'}, "op cannot be in it"),
        (
            {"remedies": '[{ kind = "package", value = "{requirement}" }]'},
            "only tables may fill in requirement",
        ),
        ({"remedies": '[{ kind = "package", value = "{module}" }]'}, "{requirement} is a requirement"),
        ({"remedies": '[{ kind = "pin", value = "some numpy" }]'}, "not a requirement"),
        (
            {"pattern": '"(?P<module>x)"', "remedies": '[{ kind = "import", value = "{module}" }]'},
            "import is applied: only tables may fill in module",
        ),
        ({"missing_module": "true"}, "missing_module needs a group 'imported'"),
        (
            {"missing_module": "true", "pattern": '"(?P<imported>x)"', "title": '"{provider} is missing"'},
            "nothing always fills in provider",
        ),
        ({"missing_op": '"elsewhere"'}, "missing_op"),
        ({"missing_op": '"unknown"', "pattern": '"x"'}, "missing_op needs a group 'op'"),
        (
            {"missing_op": '"package"', "pattern": '"(?P<op>x)(?P<module>y)"'},
            "module comes from the tables, and cannot be a group",
        ),
        ({"missing_op": '"unknown"', "title": '"{op} of {package}"'}, "nothing always fills in package"),
        ({"remedies": '[{ kind = "variable", value = "NAME" }]'}, "not NAME=VALUE"),
        ({"exception": '"not a name"'}, "exception"),
        ({"id": '"Some Cause"'}, "id"),
    ],
)
def test_a_wrong_entry_is_refused(tmp_path, changed, words):
    with pytest.raises(HarnessError, match=re.escape(words)) as refused:
        load_causes(write(tmp_path, changed))
    assert str(refused.value).startswith("theme.toml: ")


def test_every_problem_is_told_at_once(tmp_path):
    write(tmp_path, {"id": '"one"', "source": None}, {"id": '"two"', "pattern": '"("'})
    with pytest.raises(HarnessError) as refused:
        load_causes(tmp_path)
    assert [line.split(": ")[1] for line in str(refused.value).splitlines()] == ["one", "two"]


def test_an_id_is_taken_once_over_all_files(tmp_path):
    write(tmp_path, {}, name="a.toml")
    write(tmp_path, {}, name="b.toml")
    with pytest.raises(HarnessError, match=r"b\.toml: some-cause: this id is taken, in a\.toml"):
        load_causes(tmp_path)


@pytest.mark.parametrize("text", ["[[causes", "[[cause]]\nid = 'x'\n", "causes = 3\n"])
def test_a_file_that_is_something_else_is_refused(tmp_path, text):
    (tmp_path / "theme.toml").write_text(text)
    with pytest.raises(HarnessError, match=r"theme\.toml: "):
        load_causes(tmp_path)


def test_remedies_may_use_what_the_pattern_found(tmp_path):
    remedies = '[{ kind = "module", value = "what registers {op}, for {minor}" }]'
    (cause,) = load_causes(write(tmp_path, {"remedies": remedies}))["theme"]
    assert cause.remedies[0].fields == {"op", "minor"}


def test_the_tables_fill_in_what_is_installed_for_a_missing_op(tmp_path):
    remedies = '[{ kind = "package", value = "{requirement}" }, { kind = "import", value = "{module}" }]'
    entry = {"missing_op": '"package"', "title": '"{op} of {provider}"', "remedies": remedies}
    (cause,) = load_causes(write(tmp_path, entry))["theme"]
    assert [remedy.fields for remedy in cause.remedies] == [{"requirement"}, {"module"}]
