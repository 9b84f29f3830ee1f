"""What every report format must do, ours and those of other packages; see ``formats/interface.py``."""

from __future__ import annotations

import os
import re

import pytest
from hostile_texts import assert_harmless, filled
from savedmodel_matrix.domain.errors import DefinitionError
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.probe import sums
from savedmodel_matrix.report import formats
from savedmodel_matrix.report.document import CauseRow, OutputRow, RemedyRow, Report
from savedmodel_matrix.report.formats import FORMATS, terminal, write_report
from savedmodel_matrix.store.atomic import write_text
from savedmodel_matrix.store.newest_report import SUMS

#: Names as a model or a user may give them. As files they would lie outside the folder, or be no files.
HOSTILE = [
    "<script>alert(1)</script>",
    "two\nlines\r\nand \u2028 more",
    "\x1b[2J\x1b]0;title\x07\x9b1m",
    "\u202egnp.exe\u202c \u200f",
    "a|b | c",
    "`code` ``` ~~~",
    "x" * 300,
    "🧨 é 漢字",
    "../../outside",
    "# title\n\n- item",
    "\0",
    "",
]


class Toy:
    """A format in one file, added without a change to any other."""

    name = "toy"
    files = ("toy.txt",)

    def write(self, report, folder):
        cases = [f"{row.cell} {row.case}: {row.outcome}" for row in report.cells]
        write_text(folder / "toy.txt", "".join(f"{line!a}\n" for line in ["toy", *cases]))


@pytest.fixture
def hostile(make, differs):
    """A report in which every text that is a user's or a model's is hostile."""

    def made(text):
        apart = differs(text, "e2/default", "e1/default", Verdict.DIVERGED, output=text, reason=text)
        report = make(
            {text: {"e1": "A", "e2": "B", "e3": "load-failed"}}, [apart], remarks=[text], faults=[text]
        )
        report.matrix = text
        report.cells[2].reason = report.cells[2].expected = text
        report.cases[0].says = report.cases[0].signature = report.cases[0].path = text
        place = {"environment": "e3", "setting": "default", "case": text}
        report.causes = [
            CauseRow(**place, cause=cause, title=text, explanation=text, source=text, candidates=[text],
                     useful=text)
            for cause in (text, None)
        ]  # fmt: skip
        report.remedies = [
            RemedyRow(**place, cause=text, kind="package", value=text, tried_in=text, outcome="recorded",
                      verdict=None, mended=mended, says=text)
            for mended in (True, False)
        ]  # fmt: skip
        report.outputs = [
            OutputRow(case=text, batch=0, output=text, dtype="float32", shape=[1], caveats={}, sigma=None,
                      raised=None, detectable=None, no_floor=text)
        ]  # fmt: skip
        return report

    return made


@pytest.fixture
def ordinary(make, differs):
    """Reports as they are: of one cell, without cells, with failures only, with differences."""
    apart = differs("cnn", "e2/default", "e1/default", Verdict.SUSPICIOUS, max_abs=0.5, noise_ratio=4.0)
    cells = {"e1": "A", "e2": "B", "e3": "unavailable"}
    return [
        make({"cnn": {"e1": "A"}}),
        make({}),
        make({"cnn": {}}),
        make({"cnn": {"e1": "load-failed", "e2": "crashed"}}, exit_status=4),
        make({"cnn": cells, "rnn": {"e1": "A", "e2": "A", "e3": "A"}}, [apart]),
    ]


@pytest.fixture(params=[*FORMATS, Toy()], ids=lambda each: each.name)
def each(request):
    return request.param


@pytest.fixture
def written(each, tmp_path):
    """Return what a format writes of a report, by file; fails if it writes anything else."""
    count = iter(range(1000))

    def write(report):
        outside = tmp_path / str(next(count))
        folder = outside / "results" / "latest"
        folder.mkdir(parents=True)
        each.write(report, folder)
        found = {path for path in outside.rglob("*") if path.is_file()}
        assert found == {folder / name for name in each.files}
        return {name: (folder / name).read_bytes() for name in each.files}

    return write


def test_it_writes_its_files_and_nothing_else(written, ordinary, monkeypatch):
    for report in ordinary:
        for name, content in written(report).items():
            assert content.endswith(b"\n"), name


def test_the_same_report_gives_the_same_bytes(written, ordinary, monkeypatch):
    for report in ordinary:
        first = written(report)
        again = Report.model_validate_json(report.model_dump_json(by_alias=True))
        monkeypatch.setattr(os, "environ", {"COLUMNS": "40", "TZ": "Asia/Kolkata"})
        assert written(again) == first


def test_it_does_not_change_the_report(each, ordinary, tmp_path):
    for report in ordinary:
        before = report.model_dump_json()
        each.write(report, tmp_path)
        assert report.model_dump_json() == before


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_texts_are_data(written, hostile, text):
    for name, content in written(hostile(text)).items():
        decoded = content.decode("utf-8")
        if name.endswith(".json"):
            continue  # a string there may hold anything, and the reader gets it back, as tested below
        assert all(char.isprintable() or char == "\n" for char in decoded), name
        if not name.endswith(".txt"):
            markup = re.sub(r"(`+)[^`].*?[^`]?\1", "", decoded).replace("\\<", "")  # code is no markup
            assert "<script" not in markup, name


def test_no_text_of_any_row_forges_a_line_or_controls_a_terminal(each, tmp_path):
    if each is formats.JSON:
        return  # as above
    each.write(filled(Report), tmp_path)
    for name in each.files:
        assert_harmless((tmp_path / name).read_text("utf-8"))


def test_no_text_of_any_row_forges_a_line_of_the_long_text():
    assert_harmless(terminal.render(filled(Report), verbose=True))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_the_document_is_read_back_as_it_was_written(hostile, tmp_path, text):
    report = hostile(text)
    formats.JSON.write(report, tmp_path)
    assert Report.model_validate_json((tmp_path / "report.json").read_bytes()) == report


def test_names_and_files_are_unique():
    assert len({each.name for each in FORMATS}) == len(FORMATS)
    files = [name for each in FORMATS for name in each.files]
    assert len(set(files)) == len(files)


class Point:
    """An entry point of another package."""

    dist = None

    def __init__(self, name, format_or_error):
        self.name, self._found = name, format_or_error

    def load(self):
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


@pytest.fixture
def installed(monkeypatch):
    def install(*points):
        monkeypatch.setattr(formats, "entry_points", lambda group: points if group == formats.GROUP else ())

    return install


def test_a_format_of_another_package_is_written_too(installed, make, tmp_path):
    installed(Point("toy", Toy()))
    write_report(make({"cnn": {"e1": "A"}}), tmp_path)
    assert (tmp_path / "toy.txt").read_text() == "'toy'\n'e1/default cnn: recorded'\n"
    written = {"report.txt", "report.md", "report.json", "toy.txt"}
    assert {path.name for path in tmp_path.iterdir()} == {*written, SUMS}
    assert set(sums.read(str(tmp_path / SUMS))) == written


class Broken(Toy):
    def write(self, report, folder):
        raise ValueError("no ink\nleft")


def test_a_format_that_fails_leaves_the_others_and_no_document(installed, make, tmp_path):
    installed(Point("gone", ImportError("no module")), Point("broken", Broken()), Point("toy", Toy()))
    with pytest.raises(DefinitionError) as raised:
        write_report(make({"cnn": {"e1": "A"}}), tmp_path)
    assert raised.value.problems == [
        "report format 'gone' failed: ImportError: no module",
        "report format 'broken' failed: ValueError: no ink",
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"report.txt", "report.md", "toy.txt"}


def test_every_row_of_markdown_tables_has_the_same_number_of_cells(hostile, tmp_path):
    for text in HOSTILE:
        formats.MARKDOWN.write(hostile(text), tmp_path)
        for table in re.findall(r"(?:^\|.*\n)+", (tmp_path / "report.md").read_text("utf-8"), re.MULTILINE):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, text
