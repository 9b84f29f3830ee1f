from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.wire import DamagedError, Walk, text


def field(number, content):
    return bytes([number << 3 | 2, len(content)]) + content


def test_fields_come_in_order_with_their_values():
    content = memoryview(b"\x08\x96\x01" + field(2, b"ab") + b"\x1d\0\0\0\0" + b"\x21" + bytes(8))
    found = [
        (number, value if isinstance(value, int) else bytes(value))
        for number, value, _ in Walk().fields(content)
    ]
    assert found == [(1, 150), (2, b"ab"), (3, 0), (4, 0)]


def test_the_whole_of_a_field_can_be_put_together_again():
    content = b"\x08\x01" + field(2, b"ab")
    assert b"".join(whole for _, _, whole in Walk().fields(memoryview(content))) == content


def test_paths_lead_inside():
    model = pb.WholeSavedModel(meta_graphs=[{"graph_def": {"node": [{"name": "a"}, {"name": "b"}]}}])
    found = Walk().inside(memoryview(model.SerializeToString()), 2, 2, 1, 1)
    assert [text(each) for each in found] == ["a", "b"]


def test_entries_of_a_map():
    graph = pb.WholeMetaGraphDef(collection_def={"k": {"node_list": {"value": ["v"]}}})
    ((key, value),) = Walk().entries(memoryview(graph.SerializeToString()), 4)
    assert key == "k"
    assert pb.CollectionDef.FromString(bytes(value)).node_list.value == ["v"]


@pytest.mark.parametrize(
    "content",
    [
        b"\x0a\x05ab",  # shorter than it says
        b"\x0a",  # no length
        b"\x08\xff",  # a number cut off
        b"\x08" + b"\xff" * 11,  # a number without an end
        b"\x0d\0\0",  # half a float
        b"\x0b\x0c",  # a group
        b"\x02\x00",  # field 0
        b"\x0f",  # wire type 7
    ],
)
def test_what_is_no_message_is_refused(content):
    with pytest.raises(DamagedError):
        list(Walk().fields(memoryview(content)))


def test_a_walk_ends():
    with pytest.raises(DamagedError, match="more parts"):
        list(Walk(100).fields(memoryview(b"\x0a\x00" * 101)))


def test_parsing_takes_steps_too():
    walk = Walk(25)
    walk.parse(pb.NodeDef, memoryview(b""))
    walk.parse(pb.NodeDef, memoryview(b""))
    with pytest.raises(DamagedError, match="more parts"):
        walk.parse(pb.NodeDef, memoryview(b""))


def test_a_large_message_is_parsed_without_its_large_fields():
    node = pb.NodeDef(name="weights", op="Const", attr={"value": {"s": b"x" * 100_000}, "dtype": {}})
    found = Walk().parse(pb.NodeDef, memoryview(node.SerializeToString()))
    assert (found.name, found.op, list(found.attr)) == ("weights", "Const", ["dtype"])


def test_a_large_message_of_small_fields_is_refused():
    with pytest.raises(DamagedError, match="a NodeDef of"):
        Walk().parse(pb.NodeDef, memoryview(field(5, b"") * 600_000))


def test_a_field_can_be_left_out():
    info = pb.WholeMetaInfoDef(tags=["serve"], stripped_op_list={"op": [{"name": "A"}]})
    found = Walk().parse(pb.WholeMetaInfoDef, memoryview(info.SerializeToString()), without=2)
    assert found == pb.WholeMetaInfoDef(tags=["serve"])


def test_names_are_cut_and_their_bytes_replaced():
    assert text(memoryview(b"a\xff")) == "a\ufffd"
    assert len(text(memoryview(b"a" * 100_000))) == 65536


@given(st.binary(max_size=60))
def test_any_bytes_are_walked_to_their_end_or_refused(content):
    try:
        whole = b"".join(each for _, _, each in Walk().fields(memoryview(content)))
    except DamagedError:
        return
    assert whole == content
