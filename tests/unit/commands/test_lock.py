from __future__ import annotations

import pytest
from savedmodel_matrix.commands import lock as command
from savedmodel_matrix.commands.lock import lock_all
from savedmodel_matrix.domain.errors import LockError, NothingSelectedError
from savedmodel_matrix.environments.locks.lock import UNRESOLVABLE, read_lock

OLD, NEW = "tf2.7.4-py3.8-cpu", "tf2.9.3-py3.10-cpu"


@pytest.fixture
def environments(project):
    return list(project.plan("default").environments.values())


@pytest.fixture
def resolved(monkeypatch, write_lock, project, environments):
    """Resolve without uv, except the environments in ``failing``; ``asked`` are those that were."""
    asked, failing = [], set()

    class Backend:
        def __init__(self, environment):
            self.environment = environment

        def lock(self, wanted, python, path):
            asked.append(self.environment.id)
            if self.environment.id in failing:
                raise LockError(f"{self.environment.id} could not be resolved")
            return read_lock(write_lock(self.environment))

    monkeypatch.setattr(command, "find_interpreter", lambda python: None)
    monkeypatch.setattr(command, "backend_of", Backend)
    return asked, failing


def test_all_environments_are_locked_and_said(project, environments, resolved):
    said = []
    lock_all(project, environments, [], said.append)
    assert sorted(resolved[0]) == [OLD, NEW]
    assert sorted(said) == [f"{name}: 1 packages, 500 MB" for name in (OLD, NEW)]
    said.clear()
    lock_all(project, environments, ["tf2.9*"], said.append)
    assert said == [f"{NEW}: 1 packages, 500 MB (unchanged)"]


def test_every_glob_must_match(project, environments, resolved):
    with pytest.raises(NothingSelectedError) as caught:
        lock_all(project, environments, ["tf2.9*", "tf2.9.3-py3.11-cpu", "nothing"], print)
    first, second = str(caught.value).splitlines()
    assert first == f"no environment matches 'tf2.9.3-py3.11-cpu'; did you mean '{NEW}'?"
    assert second.startswith("no environment matches 'nothing'; known names: ")
    assert caught.value.exit_status == 3
    assert resolved[0] == []


def test_what_cannot_be_resolved_keeps_its_lock_and_stops_no_other(project, environments, resolved):
    asked, failing = resolved
    lock_all(project, environments, [], lambda text: None)
    before = project.lock_path(environments[0]).read_text(encoding="utf-8")
    asked.clear()
    failing.add(environments[0].id)
    said = []
    with pytest.raises(LockError, match=f"nothing was written for: {environments[0].id}$"):
        lock_all(project, environments, [], said.append)
    assert len(asked) == 2
    assert f"{environments[0].id} could not be resolved" in said
    assert project.lock_path(environments[0]).read_text(encoding="utf-8") == before


def test_a_definition_without_a_solution_is_said(project, environments, monkeypatch, write_lock):
    class Backend:
        def __init__(self, environment):
            self.environment = environment

        def lock(self, wanted, python, path):
            text = write_lock(self.environment).read_text(encoding="utf-8")
            header = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
            path.write_text(f"{header}{UNRESOLVABLE}\n# numpy>=2 conflicts\n", encoding="utf-8")
            return read_lock(path)

    monkeypatch.setattr(command, "find_interpreter", lambda python: None)
    monkeypatch.setattr(command, "backend_of", Backend)
    said = []
    lock_all(project, environments, [NEW], said.append)
    assert said == [f"{NEW}: no solution: numpy>=2 conflicts"]
