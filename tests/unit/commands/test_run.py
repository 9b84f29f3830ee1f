"""One run with a toy question and a toy executor: who is asked, what is written, what is told."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from savedmodel_matrix.commands import run as run_module
from savedmodel_matrix.commands.run import Place, parallelism, run_alone, run_matrix, run_share
from savedmodel_matrix.domain.errors import HarnessError, MachineError, NothingSelectedError
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.selection import Request, Selection
from savedmodel_matrix.environments.isolation import confine as confine_module
from savedmodel_matrix.environments.state import EnvironmentState, read_state, write_state
from savedmodel_matrix.execution.executors.interface import Ended, Result
from savedmodel_matrix.execution.progress import Progress, State, read_events
from savedmodel_matrix.execution.round_file import events_path, log_path, read_round
from savedmodel_matrix.questions.interface import Round, Share
from savedmodel_matrix.store.runs import Run, read_runs

OLD, NEW = "tf2.7.4-py3.8-cpu", "tf2.9.3-py3.10-cpu"


class Toy:
    """A question of some rounds in both environments."""

    def __init__(self, name, rounds):
        self.name = name
        self.rounds = rounds
        self.done = []

    def next_round(self, asked, before):
        if len(before) == self.rounds:
            return None
        number = len(before) + 1
        shares = (Share(each, (f"{each.id} {number}",)) for each in asked.plan.environments.values())
        return Round(self.name, number, tuple(shares), f"round {number} of {self.name}")

    def do(self, asked, number, environment, venv, say):
        say.running(1)
        say.ran(f"{environment.id}: ran")
        self.done.append((asked.run, number, environment.id, asked.request))

    def written(self, asked, number):
        return Run(
            run=asked.run,
            matrix="default",
            question=self.name,
            number=number,
            baseline=str(asked.plan.baseline),
        )


class ToyExecutor:
    """Runs sessions in this process; those that are to fail or to be skipped never begin."""

    def __init__(self, project, ends=None):
        self.project = project
        self.ends = ends or {}
        self.orders = []

    def run(self, order):
        self.orders.append(order)
        file = read_round(order.round_file)
        for environment in file.environments:
            log = log_path(order.round_file, environment.id)
            log.write_text("a line\nthe last line\n")
            ends = self.ends.get(environment.id, Result.SUCCESS)
            if ends in (Result.SUCCESS, Result.ABORTED):
                events = events_path(order.round_file, environment.id)
                say = Progress(lambda _: None, events)
                run_share(self.project, file, environment, order.environments / environment.id, say)
            yield Ended(environment.id, ends, log)


@pytest.fixture
def run(project, tmp_path, monkeypatch):
    """A function that runs the tiny matrix with toy questions; ``reported`` as the store would say."""

    def go(*questions, request=None, reported=False, ends=None):
        aggregated = []

        def aggregate(*arguments, **options):
            aggregated.append((arguments, options))
            return 4

        monkeypatch.setattr(run_module, "OF_MATRIX", questions)
        monkeypatch.setattr(
            run_module, "question_named", {question.name: question for question in questions}.__getitem__
        )
        monkeypatch.setattr(run_module, "aggregate", aggregate)
        monkeypatch.setattr(run_module, "collect", lambda *_: None)
        monkeypatch.setattr(run_module, "is_reported", lambda *_, **__: reported)
        executor = ToyExecutor(project, ends)
        place = Place(tmp_path / "noxfile.py", tmp_path / ".nox", executor, None)
        status = run_matrix(project, "default", request or Request(), place)
        ((_, _, _, run_id), options) = aggregated[0]
        return SimpleNamespace(status=status, executor=executor, run=run_id, options=options)

    return go


def test_every_question_is_asked_in_turn_and_the_end_is_reported(run, project):
    questions = [Toy("first", 1), Toy("second", 2)]
    done = run(*questions)
    assert done.status == 4
    assert [read_round(order.round_file).question for order in done.executor.orders] == [
        "first",
        "second",
        "second",
    ]
    assert [(number, name) for _, number, name, _ in questions[1].done] == [
        (1, OLD),
        (1, NEW),
        (2, OLD),
        (2, NEW),
    ]
    assert [each.number for each in done.options["rounds"]] == [1, 2]
    assert {(each.question, each.number) for each in read_runs(project.results)} == {
        ("first", 1), ("second", 1), ("second", 2)
    }  # fmt: skip


def test_nothing_follows_where_the_report_is_of_all_that_is_recorded(run):
    followed = Toy("second", 2)
    done = run(Toy("first", 0), followed, reported=True)
    assert done.executor.orders == []
    assert followed.done == []


def test_sessions_get_the_request_and_the_order_its_parallelism(run):
    question = Toy("first", 1)
    request = Request(selection=Selection(("tf2*",)), jobs=1)
    done = run(question, request=request)
    assert {given for *_, given in question.done} == {request}
    assert done.executor.orders[0].jobs == 1
    assert run(Toy("first", 1)).executor.orders[0].jobs == parallelism()


def test_a_glob_that_matches_nothing_ends_the_run_before_it_begins(run):
    with pytest.raises(NothingSelectedError):
        run(Toy("first", 1), request=Request(selection=Selection(("tf1*",))))


@pytest.fixture
def no_isolation(monkeypatch):
    def refuse():
        raise MachineError("it cannot")

    monkeypatch.setattr(confine_module, "confine", refuse)


def test_what_cannot_be_isolated_ends_the_run_before_it_begins(run, project, no_isolation):
    question = Toy("first", 1)
    with pytest.raises(MachineError):
        run(question, request=Request(isolate=True))
    assert question.done == []
    assert run(question).status == 4, "without isolation nothing is asked of the machine"


def test_by_hand_too_what_cannot_be_isolated_does_not_begin(project, plan, tmp_path, no_isolation):
    environment = plan.environments[NEW]
    for one, request in ((plan.isolated(), Request()), (plan, Request(isolate=True))):
        with pytest.raises(MachineError):
            run_alone(project, [one], environment, request, tmp_path, print)
    assert read_state(project.results, NEW) is None


def test_an_environment_that_nox_could_not_make_is_an_outcome(run, project, capsys):
    done = run(Toy("first", 1), ends={NEW: Result.FAILED})
    state = read_state(project.results, NEW)
    assert (state.outcome, state.run) == (Outcome.INSTALL_FAILED, done.run)
    assert state.reason == "nox could not create the environment: the last line"
    said = capsys.readouterr().out
    assert f"{NEW}: failed" in said
    assert "  the last line" in said


def test_an_interpreter_that_is_missing_changes_nothing(run, project, capsys):
    run(Toy("first", 1), ends={NEW: Result.SKIPPED})
    assert read_state(project.results, NEW) is None
    said = capsys.readouterr().out
    assert f"{NEW}: skipped" in said
    assert "the last line" not in said


def test_a_session_that_fails_once_it_began_is_a_fault_of_ours(run, project, capsys):
    run(Toy("first", 1), ends={NEW: Result.ABORTED})
    assert "the last line" in read_state(project.results, NEW).fault
    assert "  the last line" in capsys.readouterr().out
    assert read_state(project.results, OLD) is None


def test_all_is_shown_where_that_is_asked_for(run, capsys):
    run(Toy("first", 1), request=Request(verbose=True))
    assert capsys.readouterr().out.count("  a line") == 2


def test_progress_ends_with_done(run):
    done = run(Toy("first", 1))
    events = read_events(events_path(done.executor.orders[0].round_file, NEW))
    assert [(each.state, each.done) for each in events] == [
        (State.RUNNING, 0), (State.RUNNING, 1), (State.DONE, 1)
    ]  # fmt: skip


def test_by_hand_a_fault_of_ours_fails_the_session(project, plan, tmp_path, monkeypatch):
    def fail(project, environment, plans, selection, run, venv, say):
        write_state(project.results, EnvironmentState(environment=environment.id, run=run, fault="Traceback"))

    monkeypatch.setattr(run_module, "run_environment", fail)
    with pytest.raises(HarnessError, match="Traceback") as caught:
        run_alone(project, [plan], plan.environments[NEW], Request(), tmp_path, lambda _: None)
    assert caught.value.exit_status == 5
    request = Request(selection=Selection(cases=("none",)))
    with pytest.raises(NothingSelectedError):
        run_alone(project, [plan], plan.environments[NEW], request, tmp_path, lambda _: None)


def test_nothing_is_asked_where_nothing_changed(project, tmp_path, monkeypatch):
    before = Run(
        run="20260101T000000Z-abc123",
        matrix="default",
        question="matrix",
        number=1,
        baseline=OLD,
        exit_status=4,
    )
    told = []
    monkeypatch.setattr(run_module, "unchanged_since", lambda *_, **__: before)
    monkeypatch.setattr(run_module, "tell_again", lambda *given, **options: told.append((given, options)))
    monkeypatch.setattr(run_module, "OF_MATRIX", ())
    executor = ToyExecutor(project)
    place = Place(tmp_path / "noxfile.py", tmp_path / ".nox", executor, None)
    assert run_matrix(project, "default", Request(verbose=True), place) == 4
    (((_, again, run), options),) = told
    assert again is before
    assert run > before.run
    assert options == {"verbose": True}
    assert executor.orders == []


COMMAND_FAILED = """nox > Command uv venv failed with exit code 2:
nox > error: no room
  cause: a disk

nox > Session a failed."""


@pytest.mark.parametrize(
    ("tail", "why"),
    [
        ("", ""),
        ("nox > Running session a\nnox > Session a failed.\n", "Running session a"),
        (COMMAND_FAILED, "error: no room; cause: a disk"),
    ],
)
def test_why_nox_made_no_environment(tail, why):
    assert run_module._why(tail) == why
