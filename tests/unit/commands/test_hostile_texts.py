"""Names and texts of models, definitions and other programs, on every way to the terminal."""

from __future__ import annotations

import ast
import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import savedmodel_matrix
from hostile_texts import FORGED, HOSTILE, assert_harmless, filled
from savedmodel_matrix import errors
from savedmodel_matrix.commands.inspect import render_model
from savedmodel_matrix.commands.inspect_document import InspectDocument, NoteRow, PredictionRow
from savedmodel_matrix.commands.plan_document import PlanDocument, PlannedEnvironment
from savedmodel_matrix.commands.plan_text import render_plan
from savedmodel_matrix.commands.say import say
from savedmodel_matrix.commands.show import Board, _Lines
from savedmodel_matrix.domain.errors import DefinitionError, HarnessError
from savedmodel_matrix.doors import command_line, nox_sessions
from savedmodel_matrix.execution.executors.interface import Ended, Result
from savedmodel_matrix.models.preflight.prediction import Kind
from savedmodel_matrix.planning.workspace import Workspace

SOURCES = Path(savedmodel_matrix.__file__).parent


@pytest.mark.parametrize("kind", Kind)
def test_text_of_a_plan(kind):
    row = filled(PlannedEnvironment, kind=kind)
    document = filled(PlanDocument).model_copy(update={"environments": [row, filled(PlannedEnvironment)]})
    for status in ("planned", "excluded", "unavailable"):
        object.__setattr__(row, "status", status)
        text = render_plan(document)
        assert_harmless(text)
        assert FORGED in text, "it is shown, as text"


@pytest.mark.parametrize("kind", Kind)
def test_text_of_a_model(kind):
    ours = {"since": "2.7", "predictions": [filled(PredictionRow, kind=kind, tensorflow="2.15.1")]}
    model = filled(InspectDocument, notes=[filled(NoteRow, tensorflow=["2.15.1"])], **ours)
    text = render_model(model)
    assert_harmless(text)
    assert FORGED in text


@pytest.mark.parametrize("kind", [PlanDocument, InspectDocument])
def test_json_is_escaped_and_is_read_back_as_it_was(kind):
    document = filled(kind)
    assert_harmless(document.as_json())
    assert json.loads(document.as_json()) == document.model_dump(mode="json")


@pytest.mark.parametrize("name", sorted(name for name in vars(errors) if name.endswith("Error")))
def test_every_error(name):
    error = getattr(errors, name)
    made = error([HOSTILE] * 100) if issubclass(error, DefinitionError) else error(HOSTILE, HOSTILE * 1000)
    assert_harmless(str(made))
    assert len(str(made)) < 30_000


def test_a_command_that_ends_with_an_error_of_ours_or_of_python(monkeypatch, capsys):
    for raised, status in [
        (HarnessError(HOSTILE), 5),
        (ValueError(HOSTILE), 5),
        (OSError(28, HOSTILE, HOSTILE), 4),
    ]:

        def fail(error=raised):
            raise error

        monkeypatch.setattr(command_line, "app", fail)
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        assert ended.value.code == status
        said = capsys.readouterr().err
        assert {each for each in said if not each.isprintable()} <= {"\n"}
        assert FORGED in said


def test_a_session_logs_what_a_model_said(tmp_path, monkeypatch):
    logged = []
    session = SimpleNamespace(parallel=False, log=logged.append)
    with nox_sessions._ours(session, Workspace(tmp_path)) as log:
        log(f"{HOSTILE}\ud800")
    assert {each for each in logged[0] if not each.isprintable()} <= {"\n"}


@pytest.mark.parametrize("verbose", [True, False])
def test_the_log_of_a_session_that_failed(tmp_path, capsys, verbose):
    log = tmp_path / "log"
    log.write_bytes(b"\xff" + HOSTILE.encode())
    board = Board(SimpleNamespace(shares=[]), tmp_path / "round.json", tmp_path)
    board._work[HOSTILE] = 1
    _Lines(board, verbose=verbose).ended(Ended(HOSTILE, Result.FAILED, log), log.read_text(errors="replace"))
    said = capsys.readouterr().out
    assert {each for each in said if not each.isprintable()} <= {"\n"}
    assert FORGED in said


def test_a_matrix_whose_name_is_not_printable_is_none(tmp_path):
    (tmp_path / "matrices").mkdir()
    for name in ("default", "a\x1b[31m", "b\nc", "d\u202e"):
        (tmp_path / "matrices" / f"{name}.toml").write_text("")
    assert Workspace(tmp_path).matrices() == ["default"]
    with pytest.raises(DefinitionError, match=r"no matrix 'b\\nc'") as caught:
        Workspace(tmp_path).plan("b\nc")
    assert_harmless(str(caught.value))


def test_what_is_printed_is_printed_at_once(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    say(f"{HOSTILE}\ud800")
    assert {each for each in out.getvalue() if not each.isprintable()} == {"\n"}


def test_nothing_is_printed_but_in_one_place():
    found = set()
    for file in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {
                "print", "typer.echo", "typer.secho", "session.log", "sys.stdout.write", "sys.stderr.write",
                "traceback.print_exc", "rich.print", "console.print",
            }:  # fmt: skip
                found.add(file.relative_to(SOURCES).as_posix())
    # Both print into a log.
    found = {name for name in found if not name.startswith("probe/")} - {
        "environments/isolation/namespaces.py"
    }
    assert found == {"commands/say.py", "doors/nox_sessions.py"}
