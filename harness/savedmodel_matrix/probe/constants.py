"""The float constants of a SavedModel that a case's outputs are computed from, for frozen graphs."""

import contextlib

_FLOATS = (1, 2, 14, 19)  # types.proto: DT_FLOAT, DT_DOUBLE, DT_BFLOAT16, DT_HALF
#: What passes on only the shape of its inputs.
_SHAPES = frozenset(["Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"])


def floats(message, case):
    """Return the ``Const`` nodes that the case's signature reads, each with at least two float elements.

    Scalars are left out: they are sizes, rates and epsilons more often than weights.
    """
    wanted = case["signature"] or "serving_default"
    found = []
    for graph in message.meta_graphs:
        functions = {each.signature.name: each for each in graph.graph_def.library.function}
        called = set()
        if case["function"] is None and wanted in graph.signature_def:
            outputs = graph.signature_def[wanted].outputs.values()
            starts = [name for info in outputs for name in _tensors(info)]
            found += _reached(graph.graph_def.node, starts, functions, called)
        else:  # which function an attribute calls is not in the graph
            called.update(functions)
            found += [node for each in functions.values() for node in each.node_def]
    return [node for node in found if _is_weight(node)]


def _tensors(info):
    if info.name:
        return [info.name]
    sparse = info.coo_sparse
    return [name for name in (sparse.values_tensor_name, sparse.indices_tensor_name) if name]


def _reached(nodes, starts, functions, called):
    """Return the nodes that ``starts`` are computed from, also those of the functions that they call."""
    by_name = {node.name: node for node in nodes}
    waiting, seen, found = list(starts), set(), []
    while waiting:
        name = waiting.pop().lstrip("^").split(":")[0]
        if name in seen or name not in by_name:
            continue
        seen.add(name)
        node = by_name[name]
        found.append(node)
        if node.op in _SHAPES:
            continue
        waiting += [each for each in node.input if not each.startswith("^")]
        for function in _called(node, functions):
            if function not in called:
                called.add(function)
                body = functions[function]
                found += _reached(body.node_def, body.ret.values(), functions, called)
    return found


def _called(node, functions):
    names = [node.op]
    for value in node.attr.values():
        names += [value.func.name] + [each.name for each in value.list.func]
    return [name for name in names if name in functions]


def _is_weight(node):
    if node.op != "Const" or node.attr["dtype"].type not in _FLOATS:
        return False
    size = 1
    for dim in node.attr["value"].tensor.tensor_shape.dim:
        size *= dim.size
    return size > 1


@contextlib.contextmanager
def replaced(tf, node, change):
    """Give a constant the value ``change(array)`` for as long as the block runs."""
    tensor = node.attr["value"].tensor
    before = type(tensor)()
    before.CopyFrom(tensor)
    array = change(tf.make_ndarray(tensor))
    tensor.CopyFrom(tf.make_tensor_proto(array, tf.as_dtype(before.dtype), shape=array.shape))
    try:
        yield
    finally:
        tensor.CopyFrom(before)
