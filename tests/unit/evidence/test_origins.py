from __future__ import annotations

import pytest
from built_models import node, v1_model, write
from recordings import ready_case
from savedmodel_matrix.domain.definition import CaseDefinition
from savedmodel_matrix.evidence.origins import Origin
from savedmodel_matrix.planning.workspace import Workspace


@pytest.fixture
def origin(tmp_path):
    """Return a function that writes a model of one node, its output, and asks for what reaches it."""

    def asked(op, graphs=(("serve",),), **case):
        model = v1_model(node(op, "y"))
        for tags in graphs[1:]:
            other = model.meta_graphs.add()
            other.CopyFrom(v1_model(node("Multinomial", "y")).meta_graphs[0])
            other.meta_info_def.tags[:] = tags
        folder = write(tmp_path / op, model)
        ready = ready_case(model=str(folder), model_digest=f"{op} {graphs}")
        return Origin(Workspace(tmp_path), CaseDefinition(path="m", **case), ready)

    return asked


def test_the_op_is_named_behind_what_is_said(origin):
    assert origin("RandomUniform").because("y") == "; RandomUniform 'y' reaches it"
    assert origin("RandomUniform").moving == {"y"}
    assert "the first run of every process draws the same" in origin("RngReadAndSkip").because("y")


def test_only_what_begins_the_same_in_every_process_restarts(origin):
    assert origin("RngReadAndSkip").restarting == {"y"}
    assert origin("RandomUniform").restarting == set(), "it has no seed"
    assert origin("Unstage").restarting == set()
    assert origin("MatMul").restarting == set()


def test_where_nothing_is_found_that_is_said_and_where_nothing_is_known_nothing(origin, tmp_path):
    assert origin("MatMul").because("y") == "; no random op of its graph reaches it"
    assert origin("StatelessRandomNormalV2").moving == set()
    assert origin("RandomUniform").because("gone") == ""
    assert origin("RandomUniform", function="f").because("y") == ""
    assert origin("RandomUniform", signature="other").because("y") == ""
    assert Origin(Workspace(tmp_path), CaseDefinition(path="m"), "not ready").because("y") == ""


def test_the_graph_is_the_one_that_the_tags_choose(origin):
    graphs = (("serve",), ("train",))
    assert origin("MatMul", graphs).moving == set()
    assert origin("MatMul", graphs, tags=["train"]).moving == {"y"}
    assert origin("MatMul", graphs, tags=["eval"]).moving == set()
