from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from savedmodel_matrix.domain.errors import LockError
from savedmodel_matrix.environments.locks.lock import UNRESOLVABLE, read_lock, render_lock
from savedmodel_matrix.planning.locking import lock_input, lock_status, usable_lock

NEW = "tf2.9.3-py3.10-cpu"


@pytest.fixture
def environment(plan):
    return plan.environments[NEW]


@pytest.fixture
def said():
    return []


@pytest.mark.parametrize(
    ("resolve", "as_of"),
    [
        ("release", dt.date(2022, 1, 15)),  # two weeks after the release
        ("today", None),
        ("2024-01-31", dt.date(2024, 1, 31)),
    ],
)
def test_the_date_a_lock_is_resolved_as_of(project, environment, resolve, as_of):
    assert lock_input(project.releases, replace(environment, resolve=resolve)).exclude_newer == as_of


def test_what_is_asked_for(project, environment):
    wanted = lock_input(project.releases, replace(environment, requirements=("pandas", "numpy<2")))
    assert wanted.requirements == ("tensorflow-cpu==2.9.3", "pandas", "numpy<2")
    assert (wanted.python, wanted.platform) == ("3.10", "linux-x86_64")
    assert wanted.environment_id.startswith(f"{NEW}-pandas+numpy-")


def test_a_lock_that_is_there_is_used_as_it_is(project, environment, write_lock, said):
    path = write_lock(environment)
    content = path.read_bytes()
    assert usable_lock(project, environment, None, said.append) == read_lock(path)
    assert (path.read_bytes(), said) == (content, [])


def test_a_missing_lock_is_resolved_and_said_to_be_committed(
    project, environment, write_lock, said, monkeypatch
):
    asked = []

    def resolve(wanted, python, path):
        asked.append((wanted, python))
        assert path == project.lock_path(environment)
        return read_lock(write_lock(environment))

    monkeypatch.setattr("savedmodel_matrix.environments.locks.resolve.resolve", resolve)
    assert usable_lock(project, environment, "python", said.append).pins == {"some-package": "1.0"}
    assert asked == [(lock_input(project.releases, environment), "python")]
    assert said[-1] == f"{NEW}: wrote matrices/locks/linux-x86_64/{NEW}.txt; commit it"


def test_a_lock_of_another_definition_is_never_replaced_on_the_way(project, environment, write_lock, said):
    path = write_lock(environment)
    changed = replace(environment, resolve="today")
    project.lock_path(changed).write_bytes(path.read_bytes())
    with pytest.raises(LockError, match=r"for another definition .*as of: 2022-01-15 -> today.*nox -s lock"):
        usable_lock(project, changed, None, said.append)
    assert project.lock_path(changed).read_bytes() == path.read_bytes()
    assert lock_status(project, changed)[0] == "stale"


def test_a_resolution_without_a_solution_says_the_resolvers_words(project, environment, said):
    path = project.lock_path(environment)
    path.parent.mkdir(parents=True)
    body = f"{UNRESOLVABLE}\n# Because a depends on b\n#   and b is gone, no."
    path.write_text(render_lock(lock_input(project.releases, environment), dt.date(2022, 1, 15), None, body))
    with pytest.raises(LockError, match="no solution: Because a depends on b and b is gone, no"):
        usable_lock(project, environment, None, said.append)
    assert lock_status(project, environment)[:2] == ("unresolvable", "Because a depends on b")


def test_status_of_locks(project, environment, write_lock):
    assert lock_status(project, environment) == ("missing", None, 500)  # of TensorFlow's own wheel
    path = write_lock(environment)
    assert lock_status(project, environment) == ("current", None, 500)
    path.write_text("numpy==1.0")
    word, problem, size = lock_status(project, environment)
    assert (word, size) == ("damaged", None)
    assert path.name in problem
