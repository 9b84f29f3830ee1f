from __future__ import annotations

from types import SimpleNamespace

import pytest
from savedmodel_matrix.probe.loaders.initialisation import init_op, reached


class Nodes(SimpleNamespace):
    def WhichOneof(self, _):  # noqa: N802 - protobuf's own name
        return "node_list"


def meta_graph(signature=None, **collections):
    outputs = {"__saved_model_init_op": SimpleNamespace(name=signature)}
    return SimpleNamespace(
        collection_def={
            name: Nodes(node_list=SimpleNamespace(value=ops)) for name, ops in collections.items()
        },
        signature_def={"__saved_model_init_op": SimpleNamespace(outputs=outputs)} if signature else {},
    )


@pytest.mark.parametrize(
    ("graph", "found"),
    [
        (meta_graph(), (None, None, [])),
        (meta_graph(table_initializer=["t"]), (None, None, [])),
        (meta_graph(saved_model_main_op=["m"]), ("main_op", "m", [])),
        (meta_graph(legacy_init_op=["l"]), ("legacy_init_op", "l", [])),
        (meta_graph(legacy_init_op=["l"], saved_model_main_op=["m"]), ("main_op", "m", ["legacy_init_op l"])),
        (
            meta_graph("NoOp", legacy_init_op=["l"], saved_model_main_op=["m"]),
            ("init signature", "NoOp", ["main_op m", "legacy_init_op l"]),
        ),
        (meta_graph("NoOp:0", saved_model_main_op=["NoOp"]), ("init signature", "NoOp:0", [])),
        (meta_graph(legacy_init_op=[]), (None, None, [])),
    ],
)
def test_the_first_of_what_initialises_is_run_and_the_others_passed_over(graph, found):
    assert init_op(graph) == found


def test_what_runs_is_reached_by_values_and_by_order():
    def operation(inputs=(), after=()):
        return SimpleNamespace(
            inputs=[SimpleNamespace(op=each) for each in inputs], control_inputs=list(after)
        )

    class Operation(SimpleNamespace):
        __hash__ = object.__hash__

    fill, source, other = (Operation(**vars(operation())) for _ in range(3))
    read = Operation(**vars(operation([source], [fill])))
    output = Operation(**vars(operation([read, read])))
    assert reached([SimpleNamespace(op=output)]) == {output, read, source, fill}
    assert other not in reached([SimpleNamespace(op=output)])
