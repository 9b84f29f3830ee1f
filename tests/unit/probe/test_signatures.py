from types import SimpleNamespace

from savedmodel_matrix.probe import signatures


class Kind(SimpleNamespace):
    def WhichOneof(self, _):  # noqa: N802 - as protobuf calls it
        return self.kind


def node(op="Identity", calls=(), **attr):
    values = {key: SimpleNamespace(s=text, func=_named(""), list=_listed()) for key, text in attr.items()}
    if calls:
        values["f"] = SimpleNamespace(s=b"", func=_named(calls[0]), list=_listed(*calls[1:]))
    return SimpleNamespace(op=op, attr=values)


def _named(name):
    return SimpleNamespace(name=name)


def _listed(*names):
    return SimpleNamespace(func=[_named(name) for name in names])


def function(name, *nodes, variant=None):
    attr = {} if variant is None else {"api_implements": SimpleNamespace(s=variant)}
    return SimpleNamespace(signature=_named(name), node_def=list(nodes), attr=attr)


def an_object(kind, children=(), saveable=(), **fields):
    pairs = [SimpleNamespace(node_id=place, local_name=name) for name, place in children]
    saveables = {each: SimpleNamespace(save_function=each, restore_function=each) for each in saveable}
    return Kind(kind=kind, children=pairs, saveable_objects=saveables, **fields)


def methods(*names):
    return an_object("function", function=SimpleNamespace(concrete_functions=list(names)))


def signature(name):
    return an_object(
        "bare_concrete_function", bare_concrete_function=SimpleNamespace(concrete_function_name=name)
    )


def message(objects, functions, *, graph=(), gradients=(), registered=()):
    names = [each.signature.name for each in functions]
    object_graph = SimpleNamespace(nodes=objects, concrete_functions=dict.fromkeys(names))
    library = SimpleNamespace(
        function=list(functions),
        gradient=[SimpleNamespace(function_name=one, gradient_func=other) for one, other in gradients],
        registered_gradients=[
            SimpleNamespace(registered_op_type=one, gradient_func=other) for one, other in registered
        ],
    )
    definition = SimpleNamespace(node=list(graph), library=library)
    return SimpleNamespace(meta_graphs=[SimpleNamespace(object_graph_def=object_graph, graph_def=definition)])


def left(made):
    (graph,) = made.meta_graphs
    return [each.signature.name for each in graph.graph_def.library.function]


def test_what_a_signature_calls_stays_and_what_only_a_layer_offers_goes():
    objects = [signature("serve"), methods("layer", "inner")]
    functions = [
        function("serve", node(calls=["inner", "branch"])),
        function("inner", node("direct")),
        function("direct"),
        function("branch"),
        function("layer"),
    ]
    made = message(objects, functions)
    assert signatures.keep(made)
    assert left(made) == ["serve", "inner", "direct", "branch"]
    (graph,) = made.meta_graphs
    assert "layer" not in graph.object_graph_def.concrete_functions
    assert objects[1].function.concrete_functions == ["inner"]


def test_what_makes_tables_ready_and_restores_them_stays():
    objects = [
        signature("serve"),
        an_object("resource", children=[("_initialize", 2), ("__call__", 4)], saveable=[3]),
        methods("fill"),
        methods("restore"),
        methods("layer"),
    ]
    names = ("serve", "fill", "restore", "layer")
    made = message(objects, [function(name) for name in names])
    signatures.keep(made)
    assert left(made) == ["serve", "fill", "restore"]


def test_the_functions_of_captured_tensors_and_of_the_graph_stay():
    captured = an_object("captured_tensor", captured_tensor=SimpleNamespace(concrete_function="capture"))
    made = message(
        [captured],
        [function("capture"), function("loader"), function("layer")],
        graph=[node(calls=["loader"])],
    )
    signatures.keep(made)
    assert left(made) == ["capture", "loader"]


def test_variants_for_other_devices_stay():
    functions = [
        function("serve", node(calls=["plain"])),
        function("plain", variant=b"lstm_1"),
        function("gpu", node(calls=["help"]), variant=b"lstm_1"),
        function("help"),
        function("other", variant=b"lstm_2"),
    ]
    made = message([signature("serve")], functions)
    signatures.keep(made)
    assert left(made) == ["serve", "plain", "gpu", "help"]


def test_gradients_stay_with_what_they_belong_to():
    functions = [
        function("serve", node(_gradient_op_type=b"Custom-1")),
        *(function(name) for name in ("custom", "backward", "lost", "layer")),
    ]
    made = message(
        [signature("serve")],
        functions,
        gradients=[("serve", "backward"), ("layer", "lost")],
        registered=[("Custom-1", "custom"), ("Custom-2", "lost")],
    )
    signatures.keep(made)
    (graph,) = made.meta_graphs
    assert left(made) == ["serve", "custom", "backward"]
    assert [each.function_name for each in graph.graph_def.library.gradient] == ["serve"]
    assert [each.registered_op_type for each in graph.graph_def.library.registered_gradients] == ["Custom-1"]


def test_a_graph_of_tensorflow_1_stays_whole():
    made = message([], [function("body")])
    made.meta_graphs[0].object_graph_def.concrete_functions.clear()
    assert not signatures.keep(made)
    assert left(made) == ["body"]
