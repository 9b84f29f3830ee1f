from __future__ import annotations

import re
from dataclasses import replace

import pytest
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.check import Check
from savedmodel_matrix.domain.definition import CaseDefinition, SettingDefinition
from savedmodel_matrix.domain.environment import Build, Environment
from savedmodel_matrix.domain.job import Limits
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.plan import Plan
from savedmodel_matrix.knowledge.causes.base import Cause, Remedy, RemedyKind
from savedmodel_matrix.measurements import work
from savedmodel_matrix.questions.attempts import plan_remedies
from savedmodel_matrix.questions.steps import Failure
from savedmodel_matrix.verdicts.causes.match import Match

OLD, NEW = Environment("2.7.4", "3.9", Build.CPU), Environment("2.21.0", "3.13", Build.CPU)
HOME, AWAY = CellId(OLD.id, "default"), CellId(NEW.id, "default")
OFF = CellId(NEW.id, "off")


@pytest.fixture
def plan():
    settings = {
        "default": SettingDefinition(),
        "off": SettingDefinition(variables={"TF_ENABLE_ONEDNN_OPTS": "0"}),
    }
    cases = {
        "cnn": CaseDefinition(package="some==1", path="m", tags=["serve"]),
        "rnn": CaseDefinition(path="n"),
    }
    environments = {each.id: each for each in (OLD, NEW)}
    cells = [CellId(name, setting) for name in environments for setting in settings]
    limits = {(cell, case): Limits(5.0, 1 << 30) for cell in cells for case in cases}
    return Plan("m", HOME, environments, settings, cases, limits)


def match(*remedies, name="cause"):
    entry = Cause(
        id=name,
        title="A title",
        outcomes=frozenset({Outcome.LOAD_FAILED}),
        pattern=re.compile("x"),
        explanation="An explanation that is long enough.",
        remedies=tuple(Remedy(kind=kind, value=value) for kind, value in remedies),
        source="made up",
        seen=True,
    )
    return Match(entry, {"minor": "2.21"}, frozenset(), in_reason=True)


def attempted(plan, *remedies, cell=AWAY, case="cnn", re_exported=None, can_exist=lambda _: True):
    failure = Failure(cell, case, [match(*remedies)], re_exported)
    return plan_remedies(plan, [failure], can_exist)


def jobs(found):
    return [(str(job.cell), job.case) for job in found.plan.jobs()]


def test_another_loader_is_another_case_in_the_same_environment(plan):
    found = attempted(plan, (RemedyKind.LOADER, "v1-session"))
    assert jobs(found) == [(f"{NEW.id}/default", "cnn+v1-session")]
    assert found.plan.cases["cnn+v1-session"] == plan.cases["cnn"].model_copy(update={"loader": "v1-session"})
    assert found.plan.limits[AWAY, "cnn+v1-session"] == Limits(5.0, 1 << 30)
    (attempt,) = found.attempts
    assert (attempt.failed, attempt.case, attempt.cause) == (AWAY, "cnn", "cause")
    assert (attempt.cell, attempt.variant) == (AWAY, "cnn+v1-session")


def test_remedies_are_tried_without_checks(plan):
    plan.cases["cnn"] = plan.cases["cnn"].model_copy(update={"checks": [Check.LEAK]})
    found = attempted(plan, (RemedyKind.LOADER, "v1-session"), (RemedyKind.PACKAGE, "tf-keras"))
    assert len(list(found.plan.jobs())) == 2
    assert not [job for job in work(found.plan) if job.measurement == "check"]


@pytest.mark.parametrize("asked", ["setuptools==82.0.0", "SetupTools"])
def test_a_pin_takes_the_place_of_what_is_asked_of_the_same_package(plan, asked):
    away = replace(NEW, requirements=("numpy<3", asked))
    plan.environments[away.id] = away
    cell = CellId(away.id, "default")
    plan.limits.update({(cell, case): Limits(5.0, 1 << 30) for case in plan.cases})
    (attempt,) = attempted(plan, (RemedyKind.PIN, "setuptools<82"), cell=cell).attempts
    changed = attempted(plan, (RemedyKind.PIN, "setuptools<82"), cell=cell).plan.environments
    assert changed[attempt.cell.environment].requirements == ("numpy<3", "setuptools<82")


def test_remedies_are_tried_as_isolated_as_what_they_fix(plan):
    remedy = (RemedyKind.LOADER, "v1-session")
    assert [attempted(each, remedy).plan.isolate for each in (plan, plan.isolated())] == [False, True]


def test_a_settings_own_loader_gives_way(plan):
    plan.settings["off"] = SettingDefinition(loader="keras")
    found = attempted(plan, (RemedyKind.LOADER, "saved_model"), cell=OFF)
    assert jobs(found) == [(f"{NEW.id}/off+saved_model", "cnn+saved_model")]
    assert found.plan.settings["off+saved_model"].loader is None
    assert found.plan.cases["cnn+saved_model"].loader == "saved_model"
    assert attempted(plan, (RemedyKind.LOADER, "keras"), cell=OFF).attempts == ()


def test_a_settings_own_loader_stays_for_the_other_remedies_of_the_same_failure(plan):
    plan.settings["off"] = SettingDefinition(loader="keras")
    found = attempted(
        plan, (RemedyKind.LOADER, "saved_model"), (RemedyKind.RE_EXPORT, "again"), cell=OFF, re_exported="r"
    )
    assert found.plan.settings["off"].loader == "keras"
    assert found.plan.settings["off+saved_model"].loader is None


@pytest.mark.parametrize("kind", [RemedyKind.PACKAGE, RemedyKind.PIN])
def test_a_package_is_another_environment_that_nobody_commits(plan, kind):
    found = attempted(plan, (kind, "tf-keras~={minor}.0"))
    (environment,) = found.plan.environments.values()
    assert environment.requirements == ("tf-keras~=2.21.0",)
    assert (environment.tensorflow, environment.provisional) == ("2.21.0", True)
    assert jobs(found) == [(f"{environment.id}/default", "cnn")]


def test_a_package_comes_with_the_import_and_the_date_that_its_cause_names(plan):
    together = [
        (RemedyKind.PACKAGE, "b==2"),
        (RemedyKind.IMPORT, "b.ops"),
        (RemedyKind.RESOLVE, "2024-05-01"),
    ]
    found = attempted(plan, *together)
    (attempt,) = found.attempts
    (environment,) = found.plan.environments.values()
    assert (environment.requirements, environment.resolve) == (("b==2",), "2024-05-01")
    assert (attempt.steps[0].value, attempt.variant) == ("b==2", "cnn+import-b.ops")
    assert found.plan.cases[attempt.variant].imports == ["b.ops"]


def test_a_package_replaces_the_release_that_the_definition_asks_for(plan):
    there = replace(NEW, requirements=("B-ops<1", "other"))
    plan.environments[there.id] = there
    cell = CellId(there.id, "default")
    plan.limits[cell, "cnn"] = Limits(5.0, 1 << 30)
    (environment,) = attempted(plan, (RemedyKind.PACKAGE, "b_ops==2"), cell=cell).plan.environments.values()
    assert environment.requirements == ("other", "b_ops==2")


def test_another_resolution_and_another_variable(plan):
    found = attempted(plan, (RemedyKind.RESOLVE, "today"), (RemedyKind.VARIABLE, "TF_USE_LEGACY_KERAS=1"))
    assert [str(attempt.cell) for attempt in found.attempts] == [
        "tf2.21.0-py3.13-cpu-today/default",
        f"{NEW.id}/default+TF_USE_LEGACY_KERAS-1",
    ]
    variables = found.plan.settings["default+TF_USE_LEGACY_KERAS-1"].variables
    assert variables == {"TF_USE_LEGACY_KERAS": "1"}
    assert len(jobs(found)) == 2, "attempts are not combined with each other"


def test_a_model_saved_again_lies_elsewhere(plan):
    found = attempted(plan, (RemedyKind.RE_EXPORT, "for inference"), re_exported="results/re-exports/x/model")
    case = found.plan.cases["cnn+re-export"]
    assert (case.path, case.package, case.tags) == ("results/re-exports/x/model", None, None)
    assert attempted(plan, (RemedyKind.RE_EXPORT, "for inference")).attempts == ()
    home = attempted(plan, (RemedyKind.RE_EXPORT, "for inference"), cell=HOME, re_exported="x")
    assert home.attempts == (), "where it cannot be loaded it cannot be saved"


@pytest.mark.parametrize(
    "remedy",
    [
        (RemedyKind.ADVICE, "think"),
        (RemedyKind.MODULE, "my_layer.py"),
        (RemedyKind.UPGRADE, ">=2.16"),
        (RemedyKind.LOADER, "saved_model"),
        (RemedyKind.RESOLVE, "release"),
        (RemedyKind.PIN, "tensorflow-cpu<2.16"),
        (RemedyKind.PACKAGE, "tensorflow[and-cuda]~={minor}.0"),
    ],
)
def test_what_changes_nothing_or_takes_a_person_is_not_tried(plan, remedy):
    assert attempted(plan, remedy).attempts == ()


def test_a_variable_that_is_set_already_is_not_tried(plan):
    assert attempted(plan, (RemedyKind.VARIABLE, "TF_ENABLE_ONEDNN_OPTS=0"), cell=OFF).attempts == ()


def test_an_environment_that_cannot_exist_is_not_tried(plan):
    found = attempted(plan, (RemedyKind.PACKAGE, "tf-keras"), can_exist=lambda each: not each.requirements)
    assert found.attempts == ()


def test_settings_that_fail_alike_are_mended_alike(plan):
    failures = [Failure(cell, "cnn", [match((RemedyKind.LOADER, "v1-session"))]) for cell in (AWAY, OFF)]
    assert [attempt.failed for attempt in plan_remedies(plan, failures, lambda _: True).attempts] == [AWAY]
    failures[1] = Failure(OFF, "cnn", [match((RemedyKind.LOADER, "v1-session"), name="another")])
    assert [attempt.failed for attempt in plan_remedies(plan, failures, lambda _: True).attempts] == [
        AWAY,
        OFF,
    ]


def test_few_are_tried_of_many(plan):
    many = [(RemedyKind.PIN, f"numpy=={number}") for number in range(9)]
    assert len(attempted(plan, *many).attempts) == 5
    failure = Failure(AWAY, "cnn", [match((RemedyKind.PIN, f"a=={n}"), name=f"c{n}") for n in range(4)])
    assert [each.cause for each in plan_remedies(plan, [failure], lambda _: True).attempts] == ["c0", "c1"]


def test_two_causes_with_one_remedy_try_it_once(plan):
    failure = Failure(
        AWAY, "cnn", [match((RemedyKind.LOADER, "v1-session"), name=name) for name in ("a", "b")]
    )
    assert len(plan_remedies(plan, [failure], lambda _: True).attempts) == 1


def test_a_package_that_registers_operations_is_imported_too(plan):
    found = attempted(
        plan, (RemedyKind.PACKAGE, "tensorflow-text~={minor}.0"), (RemedyKind.IMPORT, "tensorflow_text")
    )
    (attempt,) = found.attempts
    assert attempt.variant == "cnn+import-tensorflow_text"
    assert found.plan.cases["cnn+import-tensorflow_text"].imports == ["tensorflow_text"]
    advised = attempted(plan, (RemedyKind.PACKAGE, "a"), (RemedyKind.MODULE, "the file that defines it"))
    assert advised.plan.cases == {"cnn": plan.cases["cnn"]}


def test_a_module_that_is_there_already_is_imported(plan):
    found = attempted(plan, (RemedyKind.IMPORT, "keras"))
    assert found.plan.cases["cnn+import-keras"].imports == ["keras"]
    assert jobs(found) == [(f"{NEW.id}/default", "cnn+import-keras")]


def test_importing_a_module_and_loading_with_it_are_two_attempts(plan):
    found = attempted(plan, (RemedyKind.IMPORT, "keras"), (RemedyKind.LOADER, "keras"))
    assert [attempt.variant for attempt in found.attempts] == ["cnn+import-keras", "cnn+keras"]


def test_another_endpoint_is_for_a_layer_only(plan):
    endpoint = (RemedyKind.ENDPOINT, "__call__")
    assert attempted(plan, endpoint).attempts == ()
    plan.cases["cnn"] = plan.cases["cnn"].model_copy(update={"loader": "tfsm-layer"})
    found = attempted(plan, endpoint)
    assert jobs(found) == [(f"{NEW.id}/default", "cnn+endpoint-__call__")]
    case = found.plan.cases["cnn+endpoint-__call__"]
    assert (case.endpoint, case.signature, case.loader) == ("__call__", "serving_default", "tfsm-layer")


def test_a_layer_of_a_setting_has_endpoints_too(plan):
    plan.settings["off"] = SettingDefinition(loader="tfsm-layer")
    found = attempted(plan, (RemedyKind.ENDPOINT, "__call__"), cell=OFF)
    assert jobs(found) == [(f"{NEW.id}/off", "cnn+endpoint-__call__")]
