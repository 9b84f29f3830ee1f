"""``tf.compat.v1.saved_model.load`` into a Session: the graph as saved, fed and fetched by name.

A session without an explicit configuration uses that of ``tf.config`` (2.4 to 2.21), so threads, Grappler,
XLA and devices follow the setting, exactly as for ``tf.saved_model.load``.
"""

import types

import numpy as np

from .. import tensors, texts
from .. import used as reach
from . import base, references
from . import initialisation as initial

_SERVE = "serve"
#: Operations that hold a variable: a handle (the only kind that TensorFlow 2 writes), or the variable itself.
_HANDLE = "VarHandleOp"


class Loaded:
    """A session with a model's graph, the meta graph as it was saved, and the TensorFlow that runs them."""

    def __init__(self, tf, session, meta_graph):
        self.tf, self.session, self.meta_graph = tf, session, meta_graph


class Fetched:
    """An array from a session, with TensorFlow's element type, which NumPy's type does not determine."""

    def __init__(self, array, dtype):
        self._array, self.dtype = array, dtype

    def numpy(self):
        return self._array


def load(tf, case):
    """Return a session in which the model is loaded and initialised."""
    tags = case["tags"]
    if tags is None:
        from tensorflow.python.saved_model import loader_impl  # no public API reads the file

        graphs = loader_impl.parse_saved_model(case["model"]).meta_graphs
        tags = choose_tags([sorted(graph.meta_info_def.tags) for graph in graphs])
    session = tf.compat.v1.Session(graph=tf.Graph())
    return Loaded(tf, session, tf.compat.v1.saved_model.load(session, tags, case["model"]))


def choose_tags(found):
    """Return the tags of the only graph, or of the serving graph. ``found`` is a list of tag lists."""
    serving = [tags for tags in found if _SERVE in tags]
    for candidates in (found, serving, [tags for tags in serving if tags == [_SERVE]]):
        if len(candidates) == 1:
            return candidates[0]
    have = ", ".join(str(tags) for tags in found) or "none"
    raise texts.PlainError("it is not clear which graph to load: set tags; the model has: " + have)


def entry(tf, loaded, case):
    """Return a function that runs the case's signature in the session."""
    if case["function"] is not None:
        text = "function {!r} cannot be called by the loader v1-session: a session only has signatures"
        raise base.NoSuchEntryError(text.format(case["function"]))
    signature = _signature(loaded, case)
    graph = loaded.session.graph
    inputs = {name: _parts(tf, info, graph) for name, info in signature.inputs.items()}
    outputs = {name: _parts(tf, info, graph) for name, info in signature.outputs.items()}
    wanted = [tensor for parts in outputs.values() for tensor in parts.values() if _has_value(tensor)]
    defaults = _defaults(tf, signature, inputs)
    fed = {graph.as_graph_element(name): value for name, value in case["feed"].items()}
    check = initial.guard(_graph(loaded), initial.reached(wanted))

    def run(given):
        check()
        arrays = loaded.session.run(wanted, {**defaults, **fed, **_feed(inputs, given)})
        found = {id(tensor): array for tensor, array in zip(wanted, arrays)}
        return {
            name: _assembled({part: Fetched(found.get(id(t)), t.dtype) for part, t in parts.items()})
            for name, parts in outputs.items()
        }

    return run


def graph(tf, loaded, case, inputs):  # noqa: ARG001 - the form of every loader
    """Return the graph of the session (``base.Graph``)."""
    signature, own = _signature(loaded, case), loaded.session.graph
    placeholders = {name: _parts(tf, info, own) for name, info in signature.inputs.items()}
    outputs = {name: info.name for name, info in signature.outputs.items() if info.name}
    defaults = _defaults(tf, signature, placeholders)

    def function(grafts):
        wanted = []
        for added, name in grafts:
            if added.node:
                names = [each for node in added.node for each in node.input]
                given = {each: own.get_tensor_by_name(_whole(each)) for each in names}
                with own.as_default():
                    wanted += tf.graph_util.import_graph_def(
                        added, input_map=given, return_elements=[name], name=""
                    )
            else:
                wanted.append(own.get_tensor_by_name(name))

        def run(given):
            arrays = loaded.session.run(wanted, {**defaults, **_feed(placeholders, given)})
            return [Fetched(array, each.dtype) for array, each in zip(arrays, wanted)]

        return run

    return base.Graph(loaded.meta_graph.graph_def, outputs, function)


def _whole(name):
    """Return the name of a tensor with the number of its output."""
    return name if ":" in name else name + ":0"


def _signature(loaded, case):
    """Return the case's SignatureDef."""
    signatures = loaded.meta_graph.signature_def
    wanted = case["signature"] or base.DEFAULT_SIGNATURE
    if wanted not in signatures:
        own = [name for name in signatures if not name.startswith("__saved_model")]
        raise base.no_such_signature(wanted, own)
    return signatures[wanted]


def _parts(tf, info, graph):
    """Return ``{component: tensor}`` of one input or output, components named as in ``tensors``."""
    value = tf.compat.v1.saved_model.get_tensor_from_tensor_info(info, graph=graph)
    return {component: leaf for _, component, leaf in tensors.flatten(value)}


def _defaults(tf, signature, inputs):
    """Return ``{placeholder: array}`` of the inputs that the signature has values for."""
    # The protobufs of 2.13 and older do not have defaults, and drop those in the file.
    declared = getattr(signature, "defaults", {})
    return {inputs[name][None]: tf.make_ndarray(value) for name, value in declared.items()}


def _has_value(tensor):
    return tensor.dtype.base_dtype.name not in ("resource", "variant")


def _feed(inputs, given):
    """Return ``{placeholder: array}`` for a signature's ``inputs`` and a case's inputs."""
    feed, fed = {}, {}
    for name, components in given.items():
        for part, placeholder in _placeholders(inputs, name, components).items():
            array = components[part].numpy()
            if placeholder in feed and not np.array_equal(feed[placeholder], array):
                text = "inputs {!r} and {!r} are one tensor of the graph, and are given different values"
                raise texts.PlainError(text.format(fed[placeholder], name))
            feed[placeholder], fed[placeholder] = array, name
    return feed


def _placeholders(inputs, name, components):
    """Return ``{component: placeholder}`` of the input ``name``, however the signature spells it."""
    if set(inputs.get(name, ())) == set(components):
        return inputs[name]
    plain = [each for each, parts in inputs.items() if set(parts) == {None}]
    names = None if None in components else base.spelled(name, components, plain)
    if names is None:
        text = "the signature has no input {!r} of that kind; it has: {}"
        raise texts.PlainError(text.format(name, ", ".join(sorted(inputs)) or "none"))
    return {part: inputs[each][None] for part, each in names.items()}


def _assembled(parts):
    """Return the parts of one output as one value that ``tensors.flatten`` splits again."""
    if None in parts:
        return parts[None]
    if "flat_values" in parts:
        return types.SimpleNamespace(
            flat_values=parts["flat_values"], nested_row_splits=tensors.row_splits(parts)
        )
    return types.SimpleNamespace(**parts)


def release(loaded):
    """Close the session."""
    loaded.session.close()


class _Variable:
    """A variable in the graph, with the subset of ``tf.Variable`` that a noise floor needs."""

    def __init__(self, tf, session, operation):
        raw, self._session = tf.raw_ops, session
        held = operation.outputs[0]
        self.dtype, self.name = operation.get_attr("dtype"), operation.name
        with session.graph.as_default():
            self._value = tf.compat.v1.placeholder(self.dtype)
            if operation.type == _HANDLE:
                self._read = raw.ReadVariableOp(resource=held, dtype=self.dtype)
                self._assign = raw.AssignVariableOp(resource=held, value=self._value)
            else:
                self._read = tf.identity(held)
                self._assign = tf.compat.v1.assign(held, self._value, validate_shape=False).op

    def numpy(self):
        return self._session.run(self._read)

    def assign(self, value):
        self._session.run(self._assign, {self._value: value})


def variables(loaded, case):
    """Return the variables that lead to the outputs of the case's signature."""
    tf, session = loaded.tf, loaded.session
    reached = initial.reached(_tensors(loaded, _signature(loaded, case).outputs))
    # In graph order, which is the same in every process, so that a seed moves the same numbers.
    holders = [
        each for each in session.graph.get_operations() if each.type in (_HANDLE, *references.OPERATIONS)
    ]
    found = []
    for operation in holders:
        if operation in reached:
            variable = _Variable(tf, session, operation)
            try:
                variable.numpy()
            except tf.errors.FailedPreconditionError:
                continue  # never initialised, so no run has read it
            found.append(variable)
    return found


def used(loaded, case, variables):
    """Return for each of the ``variables`` whether the outputs depend on it."""
    signature = _signature(loaded, case)
    outputs, inputs = (
        [each.name for each in _tensors(loaded, infos)] for infos in (signature.outputs, signature.inputs)
    )
    names = [variable.name for variable in variables]
    definition = loaded.session.graph.as_graph_def()
    found = reach.used(definition, outputs, names, is_function=False, fed=inputs)
    return [name in found for name in names]


def _tensors(loaded, infos):
    return [
        leaf for info in infos.values() for leaf in _parts(loaded.tf, info, loaded.session.graph).values()
    ]


def initialisation(tf, loaded, case):  # noqa: ARG001 - the form of every loader
    """Return what initialised the model, and what the case's signature reads that has no value."""
    wanted = case["signature"] or base.DEFAULT_SIGNATURE
    if wanted not in loaded.meta_graph.signature_def:
        return None
    return initial.state(_graph(loaded), case["model"], wanted, runs_tables=False)


def _graph(loaded):
    return initial.Graph(loaded.tf, loaded.session.graph, lambda: loaded.meta_graph, loaded.session.run)
