"""What loaders share: their form, the error for a missing signature or function, calls by attribute."""

import collections
import collections.abc

from .. import tensors, texts, used
from . import references

_STEPS = ["load", "entry", "variables", "initialisation", "release", "graph", "used"]


def _no_graph(tf, loaded, case, inputs):  # noqa: ARG001 - the form of every loader
    text = "the loader {} does not show the graph that it runs"
    raise texts.PlainError(text.format(case["loader"]))


Loader = collections.namedtuple("Loader", _STEPS)
# Objects are restored completely or not at all, so most have no initialisation to report; what only Python
# holds is released with the last reference; and Keras lists the weights of the model that it calls.
Loader.__new__.__defaults__ = (
    lambda tf, loaded, case: None,  # noqa: ARG005 - for 3.6
    lambda loaded: None,  # noqa: ARG005 - as above
    _no_graph,
    lambda loaded, case, variables: [True] * len(variables),  # noqa: ARG005 - as above
)

#: A graph, the names of the tensors in it that are the dense outputs, and ``function(grafts)``, which returns
#: a function from the inputs of one batch to further tensors (``heads.Graph.graft``).
Graph = collections.namedtuple("Graph", ["definition", "outputs", "function"])

DEFAULT_SIGNATURE = "serving_default"


class NoSuchEntryError(texts.PlainError):
    """The loaded model lacks what the case calls. The text is the reason to show."""


def no_such_signature(wanted, names):
    """Return the error that lists the existing signatures."""
    have = ", ".join(sorted(map(str, names))) or "none"
    return NoSuchEntryError("signature {!r} does not exist; the model has: {}".format(wanted, have))


#: How TensorFlow says that a function was not traced with such arguments: up to 2.9, and since.
_NO_MATCH = ("Could not find matching function to call", "Could not find matching concrete function to call")
#: Calls in a message.
_MOST_TRACES = 8


class NoSuchCallError(texts.PlainError):
    """A function was given arguments that it was not traced with."""


def function_of(tf, loaded, path, arguments=None):
    """Return a caller of the attribute at the dotted ``path``.

    ``arguments`` say where the inputs go (see ``__main__``). If they are not known, or the inputs are not
    theirs, inputs are passed by name, and an unnamed one by position.
    """
    target = attribute(loaded, path)
    if not callable(target):
        have = ", ".join(sorted(name for name in dir(loaded) if _offered(loaded, name))) or "none"
        raise NoSuchEntryError("function {!r} does not exist; the model has: {}".format(path, have))

    def call(inputs):
        positional, named = called_with(tf, inputs, arguments)
        try:
            return target(*positional, **named)
        except ValueError as error:
            if not str(error).startswith(_NO_MATCH):
                raise
            text = "{} was not traced with these arguments: given {}; traced: {}"
            given = shown(positional, named)
            raise NoSuchCallError(text.format(path, given, traced(target))) from error

    return call


def called_with(tf, inputs, arguments):
    """Return the positional and the keyword arguments of a function that get the inputs of one batch."""
    values = {name: tensors.composite(tf, components) for name, components in inputs.items()}
    if arguments is not None and set(values) == set(taken(arguments)):
        positional = [built(tf, each, values) for each in arguments["positional"]]
        return positional, {name: built(tf, each, values) for name, each in arguments["keywords"].items()}
    return [values.pop("")] if "" in values else [], values


def graph_of(tf, concrete, names, flat):
    """Return the ``Graph`` of a concrete function whose results are called ``names``, in their order.

    ``flat(inputs)`` returns the function's own inputs. What is computed besides runs in a new function, into
    which the graph is copied; it reads the same variables and tables.
    """
    if len(names) != len(concrete.outputs):
        raise texts.PlainError("some of its outputs are not dense tensors")
    definition = concrete.graph.as_graph_def()
    captured = list(concrete.captured_inputs)
    placeholders = concrete.inputs
    own = placeholders[: len(placeholders) - len(captured)]

    def function(grafts):
        whole = type(definition)()
        whole.CopyFrom(definition)
        for added, _ in grafts:
            whole.MergeFrom(added)

        def body(*given):
            values = [tf.convert_to_tensor(each) for each in [*given, *captured]]
            values = dict(zip((each.name for each in placeholders), values))
            return tf.graph_util.import_graph_def(
                whole, input_map=values, return_elements=[each for _, each in grafts], name=""
            )

        made = tf.compat.v1.wrap_function(body, [tf.TensorSpec(each.shape, each.dtype) for each in own])
        return lambda inputs: made(*flat(inputs))

    return Graph(definition, dict(zip(names, (each.name for each in concrete.outputs))), function)


def graph_of_function(tf, target, arguments, inputs):
    """Return the ``Graph`` of what a function runs when it is given such inputs."""

    def flat(given):
        parts = tf.nest.flatten(called_with(tf, given, arguments), expand_composites=True)
        return [each for each in parts if tf.is_tensor(each)]

    positional, named = called_with(tf, inputs, arguments)
    concrete = target.get_concrete_function(*positional, **named)
    leaves = tensors.flatten(concrete.structured_outputs)
    return graph_of(tf, concrete, [name for name, _, _ in leaves], flat)


def taken(arguments):
    """Return the names of the inputs in a call."""
    return taken_by(*arguments["positional"], *arguments["keywords"].values())


def taken_by(*arguments):
    """Return the names of the inputs in these arguments of a call."""
    waiting, found = list(arguments), []
    while waiting:
        each = waiting.pop()
        waiting += each["items"]
        found += [each["value"]] if each["kind"] == "input" else []
    return found


def built(tf, argument, values):
    """Return the Python object that an argument describes, with the inputs' ``values`` in their places."""
    kind, value = argument["kind"], argument["value"]
    if kind == "input":
        return values[value]
    if kind == "dtype":
        return tf.as_dtype(value)
    items = [built(tf, each, values) for each in argument["items"]]
    made = {
        "list": lambda: items,
        "tuple": lambda: tuple(items),
        "dict": lambda: dict(zip(argument["keys"], items)),
        "namedtuple": lambda: collections.namedtuple(value, argument["keys"])(*items),
    }
    return made[kind]() if kind in made else value


def traced(function):
    """Return the calls that a restored function knows, in readable form."""
    known = [each.structured_input_signature for each in getattr(function, "concrete_functions", ())]
    calls = sorted({shown(*each) for each in known if each is not None})
    more = ["and {} more".format(len(calls) - _MOST_TRACES)] if len(calls) > _MOST_TRACES else []
    return " or ".join(calls[:_MOST_TRACES] + more) or "nothing"


def shown(positional, named):
    """Return the arguments of a call: types and shapes of tensors, everything else as Python writes it."""
    listed = [_shown(each) for each in positional]
    listed += ["{}={}".format(name, _shown(named[name])) for name in sorted(named)]
    return "({})".format(", ".join(listed))


def _shown(value):
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        kind = type(value).__name__
        kind = "sparse " if kind.startswith("Sparse") else "ragged " if kind.startswith("Ragged") else ""
        rank = value.shape.rank
        sizes = (
            ["any rank"] if rank is None else ["?" if n is None else str(n) for n in value.shape.as_list()]
        )
        return "{}{}[{}]".format(kind, getattr(value.dtype, "name", value.dtype), ",".join(sizes))
    if isinstance(value, collections.abc.Mapping):
        return "{" + ", ".join("{!r}: {}".format(key, _shown(value[key])) for key in sorted(value)) + "}"
    if isinstance(value, (list, tuple)):
        items = [_shown(each) for each in value]
        fields = getattr(value, "_fields", None)
        if fields is not None:
            items = ["{}={}".format(*each) for each in zip(fields, items)]
            return "{}({})".format(type(value).__name__, ", ".join(items))
        if isinstance(value, list):
            return "[{}]".format(", ".join(items))
        return "({}{})".format(", ".join(items), "," if len(items) == 1 else "")
    return repr(value)


def attribute(loaded, path):
    """Return the attribute at the dotted ``path``, or ``None``."""
    target = loaded
    for name in path.split("."):
        target = getattr(target, name, None)
    return target


def _offered(loaded, name):
    """Whether ``name`` is a function that was saved with the object, not one of TensorFlow's methods."""
    return name == "__call__" or (not name.startswith("_") and callable(getattr(loaded, name, None)))


def spelled(name, components, known):
    """Return ``{component: argument}`` of a composite input for a signature with the arguments ``known``.

    A sparse input of a v1 model is ``NAME_indices``, ``NAME_values`` and ``NAME_dense_shape``; a composite
    one of a v2 model is ``NAME``, ``NAME_1``, ... Returns ``None`` if it is neither.
    """
    ordered = [part for part in ("indices", "values", "dense_shape", "flat_values") if part in components]
    ordered += ["row_splits_{}".format(depth) for depth in range(len(components) - len(ordered))]
    by_part = {part: "{}_{}".format(name, part) for part in ordered}
    by_number = {part: name + ("_{}".format(i) if i else "") for i, part in enumerate(ordered)}
    for names in (by_part, by_number):
        if set(names) == set(components) and all(each in known for each in names.values()):
            return names
    return None


def captured(functions):
    """Return the variables that ``functions`` read, each once."""
    distinct = {id(variable): variable for function in functions for variable in function.variables}
    return list(distinct.values())


def used_by(functions, variables):
    """Return, for each of the variables, whether an output of any of the functions depends on it."""
    found = [False] * len(variables)
    for function in functions:
        names = [_name_in(function, variable) for variable in variables]
        outputs = [each.name for each in function.outputs]
        reached = used.used(function.graph.as_graph_def(), outputs, set(names) - {None}, is_function=True)
        # A TensorFlow 1 graph has one list of variables for all of its signatures.
        unnamed = not hasattr(function, "prune")
        for index, name in enumerate(names):
            found[index] |= unnamed if name is None else name in reached
    return found


def _name_in(function, variable):
    """Return the name of the node in a function's graph that stands for a variable; ``None`` if none does."""
    if isinstance(variable, references.Reference):
        return variable.name
    held, given = function.captured_inputs, function.inputs
    placeholders = given[len(given) - len(held) :]
    handle = getattr(variable, "handle", None)
    return next((each.op.name for each, outer in zip(placeholders, held) if outer is handle), None)
