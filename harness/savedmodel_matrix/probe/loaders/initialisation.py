"""Whether everything that a TensorFlow 1 graph reads has a value: variables, tables, queues, assets.

This is checked after the model is loaded and before it runs, because a missing value does not always fail:
a loader may read an uninitialised resource variable as one without elements. ``ask`` runs tensors of the
graph and returns their values; only what the signature's outputs depend on is checked.
"""

import os

from .. import tensors, texts

#: See saved_model/constants.py; the first one that the model has is run.
_SIGNATURE, _COLLECTIONS = "__saved_model_init_op", ("saved_model_main_op", "legacy_init_op")
_NAMED = {"saved_model_main_op": "main_op"}
TABLE_INITIALIZERS = "table_initializer"
#: Collections that a TensorFlow 1 program runs itself, and that SavedModel loaders mostly do not.
_OFFERED = (TABLE_INITIALIZERS, "local_init_op", "queue_runners")
_REFERENCES, _TABLES = ("VariableV2", "Variable"), ("HashTableV2", "HashTable")
_QUEUES = tuple(
    kind + version
    for kind in ("FIFOQueue", "RandomShuffleQueue", "PaddingFIFOQueue", "PriorityQueue")
    for version in ("V2", "")
)


class Graph:
    """A loaded TensorFlow 1 graph; ``ask(tensors)`` runs it, ``read()`` returns its saved meta graph."""

    def __init__(self, tf, graph, read, ask):
        self.tf, self.graph, self.read, self.ask = tf, graph, read, ask

    def added(self, make, *arguments, **options):
        """Return what ``make`` adds to the graph."""
        with self.graph.as_default():
            return make(*arguments, **options)


def reached(outputs):
    """Return the operations that the tensors ``outputs`` depend on."""
    found, waiting = set(), [tensor.op for tensor in outputs]
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found.add(operation)
            waiting += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return found


def state(loaded, folder, signature, runs_tables):
    """Return what was run to initialise the model, and what ``signature`` reads that has no value, as JSON.

    ``runs_tables`` is whether this loader fills tables from their collection if nothing else does.
    """
    meta_graph = loaded.read()
    info = meta_graph.signature_def[signature].outputs
    operations = reached([each for value in info.values() for each in _tensors(loaded, value)])
    operations = [each for each in loaded.graph.get_operations() if each in operations]
    kind, name, passed_over = init_op(meta_graph)
    offered = {each: entries(meta_graph, each) for each in _OFFERED}
    if kind is None and runs_tables and offered[TABLE_INITIALIZERS]:
        kind = TABLE_INITIALIZERS
    return {
        "ran": kind,
        "op": name,
        "passed_over": passed_over,
        "collections": {each: len(found) for each, found in offered.items() if found},
        "uninitialised_variables": _without_value(loaded, operations),
        "uninitialised_tables": _without_entries(loaded, operations),
        "missing_assets": missing_assets(meta_graph, folder),
    }


def _tensors(loaded, info):
    value = loaded.tf.compat.v1.saved_model.get_tensor_from_tensor_info(info, graph=loaded.graph)
    return [leaf for _, _, leaf in tensors.flatten(value)]


def init_op(meta_graph):
    """Return kind and name of what initialises the model, and the initialisers that are skipped."""
    found = {name: entries(meta_graph, name) for name in _COLLECTIONS}
    named = [(_NAMED.get(name, name), values[0]) for name, values in found.items() if values]
    if _SIGNATURE in meta_graph.signature_def:
        outputs = meta_graph.signature_def[_SIGNATURE].outputs
        named.insert(0, ("init signature", outputs[_SIGNATURE].name))
    kind, name = named[0] if named else (None, None)
    # TensorFlow 2 lists its initialiser twice.
    others = [each for each in named[1:] if each[1].partition(":")[0] != name.partition(":")[0]]
    return kind, name, ["{} {}".format(*each) for each in others]


def entries(meta_graph, name):
    """Return the entries of the collection ``name``, in either saved form."""
    if name not in meta_graph.collection_def:
        return []
    collection = meta_graph.collection_def[name]
    return list(getattr(collection, collection.WhichOneof("kind") or "node_list").value)


def missing_assets(meta_graph, folder):
    """Return the asset files that the model declares but does not have."""
    from tensorflow.core.protobuf import meta_graph_pb2  # has this name in all releases

    declared = [asset.filename for asset in meta_graph.asset_file_def]
    for packed in entries(meta_graph, "saved_model_assets"):
        asset = meta_graph_pb2.AssetFileDef()
        packed.Unpack(asset)
        declared.append(asset.filename)
    there = {name for name in declared if os.path.exists(os.path.join(folder, "assets", name))}
    return sorted(set(declared) - there)


def _without_value(loaded, operations):
    raw = loaded.tf.raw_ops
    asked = {}
    for each in operations:
        if each.type == "VarHandleOp":
            asked[each.name] = loaded.added(raw.VarIsInitializedOp, resource=each.outputs[0])
        elif each.type in _REFERENCES:
            asked[each.name] = loaded.added(raw.IsVariableInitialized, ref=each.outputs[0])
    values = loaded.ask(list(asked.values())) if asked else []
    return [name for name, value in zip(asked, values) if not value]


def _without_entries(loaded, operations):
    """Return the names of tables that do not even answer an empty lookup."""
    tf, found = loaded.tf, []
    for each in operations:
        if each.type not in _TABLES:
            continue
        find = tf.raw_ops.LookupTableFindV2 if each.type == "HashTableV2" else tf.raw_ops.LookupTableFind
        keys, values = each.get_attr("key_dtype"), each.get_attr("value_dtype")
        nothing = loaded.added(tf.zeros, [0], keys)
        default = loaded.added(tf.zeros, [], values)
        try:
            loaded.ask(
                [loaded.added(find, table_handle=each.outputs[0], keys=nothing, default_value=default)]
            )
        except tf.errors.FailedPreconditionError:
            found.append(each.name)
    return found


def guard(loaded, operations):
    """Return a function to call before every run of ``operations``: it raises if the run would never end.

    It raises ``texts.PlainError`` if the run takes more from a queue than it holds and nothing fills it.
    """
    taken, filled = {}, set()
    for each in operations:
        if each.type.startswith("QueueEnqueue"):
            filled.add(each.inputs[0].op.name)
        elif each.type.startswith("QueueDequeue"):
            many = each.type.startswith(("QueueDequeueMany", "QueueDequeueUpTo"))
            count = loaded.tf.get_static_value(each.inputs[1]) if many else 1
            name = each.inputs[0].op.name
            taken[name] = taken.get(name, 0) + int(1 if count is None else count)
        elif each.type.startswith("ReaderRead"):
            taken.setdefault(each.inputs[1].op.name, 1)
    named = [loaded.graph.get_operation_by_name(name) for name in taken if name not in filled]
    waiting = [each for each in named if each.type in _QUEUES]
    if not waiting:
        return lambda: None
    raw, asked = loaded.tf.raw_ops, []
    for queue in waiting:
        new = queue.type.endswith("V2")
        asked.append(loaded.added(raw.QueueSizeV2 if new else raw.QueueSize, handle=queue.outputs[0]))
        asked.append(loaded.added(raw.QueueIsClosedV2 if new else raw.QueueIsClosed, handle=queue.outputs[0]))

    def check():
        values = loaded.ask(asked)
        for queue, size, closed in zip(waiting, values[::2], values[1::2]):
            if size < taken[queue.name] and not closed:
                text = (
                    "it would wait for ever: it takes {} from queue {!r} with {} in it, and nothing fills it"
                )
                text = text.format(taken[queue.name], queue.name, int(size))
                runners = len(entries(loaded.read(), "queue_runners"))
                if runners:
                    text += "; the model names {} queue runners, which no loader starts".format(runners)
                raise texts.PlainError(text)

    return check
