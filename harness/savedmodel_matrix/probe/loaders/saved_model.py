"""``tf.saved_model.load``: the object that was saved, with its signatures and functions."""

from .. import tensors, texts
from . import base, references
from . import initialisation as initial


def load(tf, case):
    """Return the object; without tags the model must contain exactly one graph, with any tags."""
    return tf.saved_model.load(case["model"], tags=case["tags"])


def entry(tf, loaded, case):
    """Return a function for the case's signature, or for the attribute that it names."""
    if case["function"] is not None:
        return base.function_of(tf, loaded, case["function"], case["call"])
    wanted = case["signature"] or base.DEFAULT_SIGNATURE
    signatures = loaded.signatures
    if wanted not in signatures:
        raise base.no_such_signature(wanted, signatures)
    signature = signatures[wanted] if not case["feed"] else _fed(tf, loaded, case, wanted)
    specs = signature.structured_input_signature[1]
    graph = _graph(tf, loaded, case)
    check = initial.guard(graph, signature.graph.get_operations()) if graph else lambda: None

    def run(inputs):
        check()
        return signature(**_arguments(tf, specs, inputs))

    return run


def _fed(tf, loaded, case, wanted):
    """Return a signature of a TensorFlow 1 graph in which the case's placeholders are fed as well."""
    graph = _graph(tf, loaded, case)
    if graph is None:
        raise texts.PlainError("only the placeholders of a TensorFlow 1 graph can be fed")
    definition = graph.read().signature_def[wanted]
    inputs, outputs = (
        {name: loaded.graph.as_graph_element(info.name) for name, info in infos.items() if info.name}
        for infos in (definition.inputs, definition.outputs)
    )
    placeholders = [loaded.graph.as_graph_element(name) for name in case["feed"]]
    fed = [tf.constant(value, each.dtype) for each, value in zip(placeholders, case["feed"].values())]
    names = sorted(inputs)
    pruned = loaded.prune([inputs[name] for name in names] + placeholders, outputs)
    return _Fed(pruned, names, fed)


class _Fed:
    """A pruned function with the subset of a signature that an entry needs."""

    def __init__(self, pruned, names, fed):
        self._pruned, self._names, self._fed = pruned, names, fed
        self.graph = pruned.graph
        self.structured_input_signature = ((), dict(zip(names, pruned.inputs)))

    def __call__(self, **arguments):
        return self._pruned(*[arguments[name] for name in self._names], *self._fed)


def _arguments(tf, specs, inputs):
    """Return the keyword arguments for a signature that declares ``specs`` (a dict by argument name)."""
    arguments = {}
    for name, components in inputs.items():
        names = {None: name} if None in components else base.spelled(name, components, specs)
        if names is None:
            arguments[name] = tensors.composite(tf, components)
        else:
            arguments.update({names[part]: value for part, value in components.items()})
    return arguments


def graph(tf, loaded, case, inputs):
    """Return the graph of the case's signature or function (``base.Graph``)."""
    if case["function"] is not None:
        return base.graph_of_function(tf, base.attribute(loaded, case["function"]), case["call"], inputs)
    signature = loaded.signatures[case["signature"] or base.DEFAULT_SIGNATURE]
    specs = signature.structured_input_signature[1]
    # Sorted, as TensorFlow flattens them; a composite input of TensorFlow 1 has a name for each component.
    names = getattr(signature, "_arg_keywords", None) or sorted(specs)

    def flat(given):
        arguments = _arguments(tf, specs, given)
        return [arguments[name] for name in names]

    return base.graph_of(tf, signature, sorted(signature.structured_outputs), flat)


def variables(loaded, case):
    """Return the variables that the case's signature or function captures, or that are nodes of it."""
    functions = _functions(loaded, case)
    found = base.captured(functions)
    if case["function"] is None and hasattr(loaded, "prune"):
        import tensorflow as tf

        found += references.references(tf, loaded, functions[0].graph)
    return found


def used(loaded, case, variables):
    """Return for each of the ``variables`` whether the outputs depend on it."""
    return base.used_by(_functions(loaded, case), variables)


def _functions(loaded, case):
    if case["function"] is None:
        return [loaded.signatures[case["signature"] or base.DEFAULT_SIGNATURE]]
    return getattr(base.attribute(loaded, case["function"]), "concrete_functions", ())


def initialisation(tf, loaded, case):
    """Return what initialised a TensorFlow 1 graph; ``None`` for objects, which are restored completely."""
    graph = _graph(tf, loaded, case)
    wanted = case["signature"] or base.DEFAULT_SIGNATURE
    if graph is None or case["function"] is not None or wanted not in loaded.signatures:
        return None
    return initial.state(graph, case["model"], wanted, runs_tables=True)


def _graph(tf, loaded, case):
    """Return the whole graph of a TensorFlow 1 model, from which its signatures are pruned."""
    if not isinstance(getattr(loaded, "graph", None), tf.Graph) or not hasattr(loaded, "prune"):
        return None

    def read():
        from tensorflow.python.saved_model import loader_impl  # no public API reads the file

        graphs = loader_impl.parse_saved_model(case["model"]).meta_graphs
        tags = case["tags"]
        return next(each for each in graphs if tags is None or set(each.meta_info_def.tags) == set(tags))

    return initial.Graph(
        tf, loaded.graph, read, lambda wanted: [each.numpy() for each in loaded.prune([], wanted)()]
    )
