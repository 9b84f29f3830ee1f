from __future__ import annotations

import os

import pytest
from built_models import v1_model, write
from flow_models import op, string
from savedmodel_matrix.measurements import measurement_of
from savedmodel_matrix.measurements.interface import Site
from savedmodel_matrix.measurements.keys import key_of
from savedmodel_matrix.models.preflight.prediction import Confidence, Kind
from savedmodel_matrix.planning.outside import not_missing
from savedmodel_matrix.planning.predictions import planned_facts, predict_plan
from savedmodel_matrix.planning.ready import find_all_ready, make_ready
from savedmodel_matrix.probe.exchange import changed_source


@pytest.fixture
def reads(project):
    """Make the project's model read a path, and return a function that gets its case ready."""

    def made(path, kind="ReadFile"):
        write(project.root / "model", v1_model(string("c", str(path)), op("y", kind, "c")))
        return lambda: make_ready(project, project.plan("default").cases["one"]).outside

    return made


def find_ready(project, case):
    (found,) = find_all_ready(project, {"case": case}).values()
    return found


def test_the_content_is_part_of_the_case(project, reads):
    words = project.root / "words.txt"
    words.write_text("ant")
    ready = reads(words)
    ((first,),) = (ready(),)
    assert (first.path, first.reads) == (str(words), "file")
    case = project.plan("default").cases["one"]
    assert find_ready(project, case).outside == (first,)
    words.write_text("bee")
    assert find_ready(project, case) is None
    ((second,),) = (ready(),)
    assert second.digest not in (None, first.digest)
    words.unlink()
    assert find_ready(project, case) is None
    assert [each.digest for each in ready()] == [None]
    assert find_ready(project, case) is not None


def test_a_relative_path_counts_from_the_projects_root(project, reads):
    (project.root / "below").mkdir()
    (project.root / "below" / "words.txt").write_text("ant")
    assert [each.digest is None for each in reads("./below/words.txt")()] == [False]
    assert [each.digest is None for each in reads("words.txt")()] == [True]


def test_a_case_finds_nothing_above_its_working_folder(project, reads):
    for path, found in (("words.txt", True), ("../words.txt", False), ("below/../words.txt", True)):
        (project.root / path).parent.resolve().mkdir(exist_ok=True)
        (project.root / path).resolve().write_text("ant")
        assert not_missing(reads(path)()) == (frozenset({path}) if found else frozenset())


def test_a_pattern_stands_for_what_matches(project, reads):
    ready = reads(project.root / "part-*", "MatchingFiles")
    assert [each.digest for each in ready()] == [None]
    (project.root / "part-1").write_text("ant")
    (one,) = ready()
    (project.root / "part-2").write_text("bee")
    (both,) = ready()
    assert None not in (one.digest, both.digest)
    assert one.digest != both.digest


def test_a_prefix_stands_for_a_checkpoints_files(project, reads):
    ready = reads(project.root / "step[1]", "RestoreV2")
    (project.root / "step1.index").write_text("another")
    assert [each.digest for each in ready()] == [None]
    (project.root / "step[1].index").write_text("ant")
    assert [each.digest is None for each in ready()] == [False]


def test_a_folder_stands_for_the_files_in_it(project, reads):
    (project.root / "lmdb").mkdir()
    ready = reads(project.root / "lmdb", "LMDBDataset")
    assert [each.digest for each in ready()] == [None]
    (project.root / "lmdb" / "data.mdb").write_text("ant")
    assert [each.digest is None for each in ready()] == [False]


def test_a_pipe_is_not_waited_on(project, reads):
    os.mkfifo(project.root / "pipe")
    assert [each.digest for each in reads(project.root / "pipe")()] == [None]


def test_an_address_is_not_looked_up_and_not_called_missing(reads):
    outside = reads("gs://bucket/words.txt")()
    assert [each.digest for each in outside] == [None]
    assert not_missing(outside) == {"gs://bucket/words.txt"}


@pytest.mark.parametrize(("there", "kind"), [(True, Kind.LOADS), (False, Kind.NEEDS)])
@pytest.mark.parametrize("is_ready", [True, False])
def test_the_prediction_is_for_this_machine(project, reads, there, kind, is_ready):
    if there:
        (project.root / "words.txt").write_text("ant")
    reads("words.txt")
    plan = project.plan("default")
    ready = {"one": make_ready(project, plan.cases["one"])} if is_ready else {}
    found = predict_plan(project, plan, ready, planned_facts(project, plan, ready))
    assert {each.kind for each in found.values()} == {kind}
    assert {each.confidence for each in found.values()} == {Confidence.MEDIUM if there else Confidence.HIGH}


@pytest.fixture
def asked(project, install):
    """Return the key of the first job, and whether a source has changed since."""

    def found():
        plan = project.plan("default")
        job = next(plan.jobs())
        environment = plan.environments[job.cell.environment]
        site = Site(project, plan, install(environment), make_ready(project, plan.cases[job.case]))
        key = key_of(site, job)
        return key, measurement_of(job).ask(site, job, key).to_json()

    return found


def test_the_key_depends_on_the_content_and_not_on_the_rest(project, reads, asked):
    reads("words.txt")
    missing, _ = asked()
    (project.root / "words.txt").write_text("ant")
    one, _ = asked()
    (project.root / "words.txt").write_text("bee")
    other, _ = asked()
    assert len({missing, one, other}) == 3
    (project.root / "words.txt").write_text("ant")
    assert asked()[0] == one


def test_a_change_during_the_run_is_noticed(project, reads, asked):
    words = project.root / "words.txt"
    reads("words.txt")
    _, without = asked()
    assert changed_source(without) is None
    words.write_text("ant")
    assert changed_source(without) == str(words)
    _, with_it = asked()
    assert changed_source(with_it) is None
    words.unlink()
    assert changed_source(with_it) == str(words)
