from __future__ import annotations

import datetime as dt
import tomllib

import pytest
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.definition import Definition
from savedmodel_matrix.domain.errors import DefinitionError
from savedmodel_matrix.domain.job import Limits
from savedmodel_matrix.knowledge.releases import Release, ReleaseTable
from savedmodel_matrix.planning.expand import expand

LINUX = "linux-x86_64"


def release(version, *pythons, platform=LINUX):
    nightly = ".dev" in version
    names = ("tf-nightly", "tf-nightly-cpu") if nightly else ("tensorflow", "tensorflow-cpu")
    wheels = {name: {platform: dict.fromkeys(pythons, 500)} for name in names}
    return Release(version, dt.date(2022, 1, 1), yanked=False, wheels=wheels)


RELEASES = ReleaseTable(
    [
        release("2.7.4", "3.7", "3.8"),
        release("2.9.2", "3.9", "3.10"),
        release("2.9.3", "3.9", "3.10"),
        release("2.15.1", "3.10", "3.11"),
        release("2.21.0", "3.13", "3.14"),
        release("2.22.0.dev20260101", "3.13"),
    ]
)

CASES = '[cases.cnn]\npath = "m/cnn"\n[cases.rnn]\npath = "m/rnn"\ntime_limit = 10\nmemory_limit = "1GiB"\n'

EXPECT = """
[[expect]]
cells = "{}"
cases = "{}"
outcome = "load-failed"
reason = "no tf-keras"
owner = "someone"
until = 2026-12-31
"""


def plan(text, platform=LINUX):
    return expand(Definition.model_validate(tomllib.loads(text + CASES)), "m", RELEASES, platform)


def matrix(*tensorflow, more="", baseline="tf2.9.3-*", python='"auto"'):
    lists = f"tensorflow = {list(tensorflow)}\npython = {python}"
    return f'baseline = "{baseline}"\n[[environments]]\n{lists}\n{more}\n'


def problems_of(text):
    with pytest.raises(DefinitionError) as caught:
        plan(text)
    return caught.value.problems


def excluded_jobs(found):
    return {(str(cell), case): reason for (cell, case), reason in found.excluded.items()}


def test_a_product_in_the_order_of_the_definition():
    more = 'build = ["cpu", "gpu"]\nrequirements = [[], ["pandas"]]'
    found = plan(matrix("2.9.3", "2.7.4", python='["3.8", "3.9"]', baseline="tf2.9.3-py3.9-cpu", more=more))
    shown = [name.replace("tf2", "").partition("-pandas")[0] for name in found.environments]
    assert shown == [
        f"{version}-py{python}-{build}"
        for version in (".9.3", ".7.4")
        for python in ("3.8", "3.9")
        for build in ("cpu", "gpu")
        for _ in ("", "pandas")
    ]


@pytest.mark.parametrize(
    ("spec", "environment"),
    [
        ("2.9", "tf2.9.3-py3.10-cpu"),
        ("2.7.4", "tf2.7.4-py3.8-cpu"),
        ("latest", "tf2.21.0-py3.13-cpu"),  # 3.14 has wheels, but the probe is not tested with it
        ("nightly", "tf2.22.0.dev20260101-py3.13-nightly"),
    ],
)
def test_specifications_become_exact_versions_and_auto_the_newest_python(spec, environment):
    found = plan(matrix(spec, baseline="*"))
    assert list(found.environments) == [environment]
    assert not found.unavailable


def test_the_same_environment_written_twice_is_one():
    found = plan(matrix("2.9", "2.9.3", "2.15.1"))
    assert list(found.environments) == ["tf2.9.3-py3.10-cpu", "tf2.15.1-py3.11-cpu"]


def test_combinations_without_wheels_are_unavailable_with_a_reason():
    found = plan(matrix("2.9.3", "2.15.1", python='["3.9", "3.10"]', baseline="tf2.9.3-py3.9-cpu"))
    assert found.unavailable == {
        "tf2.15.1-py3.9-cpu": "TensorFlow 2.15.1 has wheels for Python 3.10 to 3.11 only"
    }
    assert "tf2.15.1-py3.9-cpu" in found.environments
    assert not [job for job in found.jobs() if job.cell.environment in found.unavailable]


def test_auto_where_there_is_no_python_at_all_is_unavailable():
    found = plan(matrix("2.9.3"), platform="macos-arm64")
    assert found.unavailable == {
        "tf2.9.3-pyauto-cpu": "TensorFlow 2.9.3 has no wheels for macos-arm64, only for linux-x86_64"
    }


def test_every_unknown_release_is_answered():
    found = problems_of(matrix("2.9.3", "2.9.9", "2.77", "latst"))
    assert len(found) == 3
    assert all(problem.startswith("environments.0.tensorflow: ") for problem in found)
    assert "2.9.3" in found[0]
    assert "latest" in found[2]


def test_a_word_that_names_nothing_now_is_remarked():
    found = plan(matrix("2.9.3", "rc"))
    assert list(found.environments) == ["tf2.9.3-py3.10-cpu"]
    (remark,) = found.remarks
    assert remark.startswith("environments.0.tensorflow: no release candidate")


def test_an_exclusion_leaves_out_cells_and_cases_with_its_reason():
    more = """
    [settings.default]
    [settings.fast]
    [[exclude]]
    cells = "tf2.7.4-*"
    reason = "too old"
    [[exclude]]
    cells = "*/fast"
    cases = "r*"
    reason = "not deterministic"
    """
    found = plan(matrix("2.7.4", "2.9.3", more=more))
    old, new = "tf2.7.4-py3.8-cpu", "tf2.9.3-py3.10-cpu"
    assert excluded_jobs(found) == {
        (f"{old}/default", "cnn"): "too old",
        (f"{old}/default", "rnn"): "too old",
        (f"{old}/fast", "cnn"): "too old",
        (f"{old}/fast", "rnn"): "not deterministic",
        (f"{new}/fast", "rnn"): "not deterministic",
    }
    assert [(str(job.cell), job.case) for job in found.jobs()] == [
        (f"{new}/default", "cnn"),
        (f"{new}/default", "rnn"),
        (f"{new}/fast", "cnn"),
    ]
    assert not found.remarks


def test_an_inclusion_is_added_after_the_exclusions_with_its_reason():
    more = """
    [[exclude]]
    cells = "*"
    cases = "cnn"
    reason = "slow"
    [[include]]
    tensorflow = "2.15.1"
    python = "3.10"
    reason = "what production has"
    """
    found = plan(matrix("2.9.3", more=more))
    assert list(found.environments) == ["tf2.9.3-py3.10-cpu", "tf2.15.1-py3.10-cpu"]
    assert found.included == {"tf2.15.1-py3.10-cpu": "what production has"}
    assert excluded_jobs(found) == {("tf2.9.3-py3.10-cpu/default", "cnn"): "slow"}


def test_an_inclusion_brings_an_excluded_environment_back():
    more = """
    [[exclude]]
    cells = "tf2.7.4-*"
    reason = "too old"
    [[include]]
    tensorflow = "2.7.4"
    reason = "but this one"
    """
    found = plan(matrix("2.7.4", "2.9.3", more=more))
    assert len(list(found.jobs())) == 4
    assert not found.excluded


@pytest.mark.parametrize(
    ("more", "remark"),
    [
        ('[[exclude]]\ncells = "tf1.*"\nreason = "x"', "exclude.0: cells 'tf1.*', cases '*' match nothing"),
        (
            '[[exclude]]\ncells = "*"\ncases = "gru"\nreason = "x"',
            "exclude.0: cells '*', cases 'gru' match nothing",
        ),
        ('[[exclude]]\ncells = "*/fast"\nreason = "x"', "exclude.0: cells '*/fast', cases '*' match nothing"),
        (
            '[[override]]\ncells = "tf1.*"\nresolve = "today"',
            "override.0: cells 'tf1.*', cases '*' match nothing",
        ),
        (
            '[[override]]\ncells = "*/fast"\ntime_limit = 9',
            "override.0: cells '*/fast', cases '*' match nothing",
        ),
        (
            '[[override]]\ncells = "*"\ncases = "gru"\ntime_limit = 9',
            "override.0: cells '*', cases 'gru' match nothing",
        ),
        (EXPECT.format("tf1.*", "*"), "expect.0: cells 'tf1.*', cases '*' match nothing"),
        (EXPECT.format("*/fast", "*"), "expect.0: cells '*/fast', cases '*' match nothing"),
        (EXPECT.format("*", "gru"), "expect.0: cells '*', cases 'gru' match nothing"),
    ],
)
def test_a_selector_that_matches_nothing_is_reported(more, remark):
    assert plan(matrix("2.9.3", more=more)).remarks == (remark,)


def test_overrides_apply_in_order_and_later_ones_win():
    more = """
    [[override]]
    cells = "*"
    resolve = "today"
    requirements = ["numpy<2"]
    time_limit = 60
    [[override]]
    cells = "tf2.9.3-*"
    resolve = 2024-01-31
    requirements = ["pandas"]
    time_limit = 90
    """
    found = plan(matrix("2.7.4", "2.9.3", baseline="tf2.9*", more=more))
    old, new = found.environments.values()
    assert (old.resolve, old.requirements) == ("today", ("numpy<2",))
    assert (new.resolve, new.requirements) == ("2024-01-31", ("numpy<2", "pandas"))
    assert new.id.startswith("tf2.9.3-py3.10-cpu-20240131-numpy+pandas-")
    limits = {(cell.environment, case): limit.time_limit_s for (cell, case), limit in found.limits.items()}
    assert limits == {(old.id, "cnn"): 60, (old.id, "rnn"): 60, (new.id, "cnn"): 90, (new.id, "rnn"): 90}
    assert not found.remarks


def test_one_override_may_change_what_is_installed_and_the_limits():
    # What it installs changes the id that its own glob was written for.
    more = """
    [[override]]
    cells = "tf2.9.3-py3.10-cpu"
    requirements = ["pandas"]
    resolve = "today"
    time_limit = 7
    """
    found = plan(matrix("2.9.3", baseline="tf2.9.3-py3.10-cpu-*", more=more))
    (environment,) = found.environments.values()
    assert (environment.requirements, environment.resolve) == (("pandas",), "today")
    assert {limit.time_limit_s for limit in found.limits.values()} == {7}


def test_limits_are_overridden_by_setting_and_case():
    more = """
    [settings.default]
    [settings.xla]
    jit_compile = true
    [[override]]
    cells = "*/xla"
    time_limit = 900
    [[override]]
    cells = "tf2.9*"
    cases = "cnn"
    memory_limit = "2GiB"
    """
    found = plan(matrix("2.9.3", more=more))
    name = "tf2.9.3-py3.10-cpu"
    assert found.limits == {
        (CellId(name, "default"), "cnn"): Limits(300, 2 << 30),
        (CellId(name, "default"), "rnn"): Limits(10, 1 << 30),
        (CellId(name, "xla"), "cnn"): Limits(900, 2 << 30),
        (CellId(name, "xla"), "rnn"): Limits(900, 1 << 30),
    }


@pytest.mark.parametrize(
    ("baseline", "cell"),
    [
        ("tf2.9.3-py3.10-cpu", "tf2.9.3-py3.10-cpu/default"),
        ("tf2.9*", "tf2.9.3-py3.10-cpu/default"),
        ("tf2.9*/fast", "tf2.9.3-py3.10-cpu/fast"),
        ("tf2.7.4-*/fast", "tf2.7.4-py3.8-cpu/fast"),
    ],
)
def test_the_baseline_is_one_cell(baseline, cell):
    found = plan(matrix("2.7.4", "2.9.3", baseline=baseline, more="[settings.default]\n[settings.fast]"))
    assert str(found.baseline) == cell


@pytest.mark.parametrize(
    ("baseline", "count", "shown"),
    [
        ("tf2.15*", "none", "tf2.7.4-py3.8-cpu, tf2.9.3-py3.10-cpu"),
        ("*", "several", "tf2.7.4-py3.8-cpu, tf2.9.3-py3.10-cpu"),
        ("tf2.9*/*", "several", "tf2.9.3-py3.10-cpu"),
        ("tf2.9*/slow", "none", "tf2.7.4-py3.8-cpu, tf2.9.3-py3.10-cpu"),
    ],
)
def test_a_baseline_that_is_not_one_cell_is_refused(baseline, count, shown):
    (problem,) = problems_of(
        matrix("2.7.4", "2.9.3", baseline=baseline, more="[settings.default]\n[settings.fast]")
    )
    assert problem == f"baseline: '{baseline}' must match one cell; it matches {count} of: {shown}"


def test_problems_of_releases_and_of_the_baseline_come_together():
    found = problems_of(matrix("2.9.3", "2.77", baseline="nothing"))
    assert [problem.partition(":")[0] for problem in found] == ["environments.0.tensorflow", "baseline"]


def test_expectations_are_carried_in_their_order():
    found = plan(matrix("2.9.3", more=EXPECT.format("tf2.9*/default", "c*") + EXPECT.format("*", "*")))
    assert [each.cells for each in found.expectations] == ["tf2.9*/default", "*"]
    assert not found.remarks


SETTINGS = "[settings.default]\n[settings.xla]\njit_compile = true\n[settings.one]\nintra_op_threads = 1\n"


def thinned(*tensorflow, more="", cover="pairwise", **others):
    return plan(f'cover = "{cover}"\n' + matrix(*tensorflow, more=f"{SETTINGS}{more}", **others))


def left_out(found):
    return {key for key, reason in found.excluded.items() if reason == "left out by the pairwise cover"}


def test_a_pairwise_cover_leaves_cells_out_for_all_cases():
    lists = {"python": '["3.9", "3.10", "3.11"]', "baseline": "tf2.9.3-py3.10-cpu/xla"}
    every, found = (
        thinned("2.9.2", "2.9.3", "2.15.1", cover=cover, **lists) for cover in ("all", "pairwise")
    )
    assert not left_out(every)
    assert list(found.cells()) == list(every.cells())
    kept = {job.cell for job in found.jobs()}
    assert len({job.cell for job in every.jobs()}) == 18  # three of the nine pairs have no wheels
    # Each release meets each setting in 9; only 2.15.1 has Python 3.11, and it has to meet 3.10 as well.
    assert len(kept) == 10
    assert len(list(found.jobs())) == 20
    assert found.baseline in kept
    assert {job.cell for job in every.jobs()} - kept == {cell for cell, _ in left_out(found)}
    assert not {cell.environment for cell, _ in left_out(found)} & set(found.unavailable)
    counts, never = found.remarks
    assert counts.startswith("cover: 10 of the 18 cells that can run are kept; ")
    assert never == (
        "cover: python 3.11 never runs with tensorflow 2.9.2: "
        "TensorFlow 2.9.2 has wheels for Python 3.9 to 3.10 "
        "only; python 3.11 never runs with tensorflow 2.9.3: "
        "TensorFlow 2.9.3 has wheels for Python 3.9 to 3.10 "
        "only; python 3.9 never runs with tensorflow 2.15.1: TensorFlow 2.15.1 has wheels for Python 3.10 to "
        "3.11 only"
    )


@pytest.mark.parametrize("setting", ["default", "xla", "one"])
@pytest.mark.parametrize("python", ["3.9", "3.10"])
def test_a_cover_keeps_the_baseline(python, setting):
    baseline = f"tf2.9.3-py{python}-cpu/{setting}"
    found = thinned("2.9.2", "2.9.3", python='["3.9", "3.10"]', baseline=baseline)
    assert baseline in {str(job.cell) for job in found.jobs()}
    assert left_out(found)


def test_included_environments_are_kept_whole():
    more = """
    [[include]]
    tensorflow = "2.9.3"
    python = "3.9"
    reason = "what production has"
    """
    lists = {"python": '["3.9", "3.10"]', "baseline": "tf2.9.2-py3.10-cpu"}
    found = thinned("2.9.2", "2.9.3", more=more, **lists)
    kept = {str(job.cell) for job in found.jobs() if job.cell.environment == "tf2.9.3-py3.9-cpu"}
    assert kept == {f"tf2.9.3-py3.9-cpu/{name}" for name in ("default", "xla", "one")}
    assert left_out(found)


def test_what_is_excluded_is_no_part_of_a_cover_and_keeps_its_reason():
    more = """
    [[exclude]]
    cells = "*/xla"
    reason = "too slow"
    [[exclude]]
    cells = "tf2.9.3-*/one"
    cases = "rnn"
    reason = "not deterministic"
    """
    lists = {"python": '["3.9", "3.10"]', "baseline": "tf2.9.2-py3.10-cpu"}
    found = thinned("2.9.2", "2.9.3", more=more, **lists)
    kept = {job.cell for job in found.jobs()}
    assert {reason for (cell, _), reason in found.excluded.items() if cell.setting == "xla"} == {"too slow"}
    assert {
        reason
        for (cell, case), reason in found.excluded.items()
        if cell.environment.startswith("tf2.9.3") and (cell.setting, case) == ("one", "rnn")
    } == {"not deterministic"}
    assert "xla" not in {cell.setting for cell in kept}
    assert left_out(found)
    # rnn has its own pairs: it runs with one thread in 2.9.2 only.
    assert {
        job.cell.environment for job in found.jobs() if (job.cell.setting, job.case) == ("one", "rnn")
    } == {
        "tf2.9.2-py3.9-cpu",
        "tf2.9.2-py3.10-cpu",
    }


@pytest.mark.parametrize("isolate", [False, True])
def test_isolation_is_off_by_default_and_a_remark_says_when_it_is_on(isolate):
    found = plan(("isolate = true\n" if isolate else "") + matrix("2.9.3"))
    assert found.isolate is isolate
    assert len([remark for remark in found.remarks if "isolated" in remark]) == isolate
    assert found.isolated().isolate
    assert found.isolated().isolated() == found.isolated()
