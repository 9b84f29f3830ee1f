"""The ways to load a SavedModel and to call it. A new way is one more entry in ``LOADERS``.

A loader has two steps, because their failures are two outcomes: ``load(tf, case)`` returns whatever must
stay referenced while the model runs, and ``entry(tf, loaded, case)`` returns a function that takes the
inputs of one batch (see ``tensors.read_inputs``) and returns the structure the model gave. A third,
``variables(loaded, case)``, returns those that the entry reads, each with ``numpy`` and ``assign``.
"""

import collections

from . import tensors, texts

Loader = collections.namedtuple("Loader", ["load", "entry", "variables"])

DEFAULT_SIGNATURE = "serving_default"


class NoSuchEntryError(texts.PlainError):
    """The model loaded, and has not what the case wants to call. The text is the reason to show."""


def load_saved_model(tf, case):
    """``tf.saved_model.load``; without tags the model must hold one graph, whatever its tags."""
    return tf.saved_model.load(case["model"], tags=case["tags"])


def entry_saved_model(tf, loaded, case):
    """Return a function for the case's signature, or for the attribute it names."""
    if case["function"] is not None:
        return _function(tf, loaded, case["function"])
    wanted = case["signature"] or DEFAULT_SIGNATURE
    signatures = loaded.signatures
    if wanted not in signatures:
        have = ", ".join(sorted(map(str, signatures))) or "none"
        raise NoSuchEntryError("signature {!r} does not exist; the model has: {}".format(wanted, have))
    signature = signatures[wanted]
    specs = signature.structured_input_signature[1]
    return lambda inputs: signature(**signature_arguments(tf, specs, inputs))


def signature_arguments(tf, specs, inputs):
    """Return the keyword arguments of a signature that declares ``specs`` (a dict by argument name).

    Signatures take plain tensors. A sparse input of a v1 model is three arguments, ``NAME_indices``,
    ``NAME_values`` and ``NAME_dense_shape``; a composite one of a v2 model is ``NAME``, ``NAME_1``, ...
    """
    arguments = {}
    for name, components in inputs.items():
        spelled = {name + "_" + str(part): value for part, value in components.items()}
        if None in components:
            arguments[name] = components[None]
        elif all(argument in specs for argument in spelled):
            arguments.update(spelled)
        else:
            arguments[name] = tensors.composite(tf, components)
    return arguments


def _function(tf, loaded, path):
    """Return a caller of the attribute at the dotted ``path``: an unnamed input goes by position."""
    target = _attribute(loaded, path)
    if not callable(target):
        have = ", ".join(sorted(name for name in dir(loaded) if _offered(loaded, name))) or "none"
        raise NoSuchEntryError("function {!r} does not exist; the model has: {}".format(path, have))

    def call(inputs):
        values = {name: tensors.composite(tf, components) for name, components in inputs.items()}
        positional = [values.pop("")] if "" in values else []
        return target(*positional, **values)

    return call


def _attribute(loaded, path):
    """Return the attribute at the dotted ``path``, or ``None``."""
    target = loaded
    for name in path.split("."):
        target = getattr(target, name, None)
    return target


def _offered(loaded, name):
    """Whether ``name`` is a function that was saved with the object, not a method of TensorFlow's own."""
    return name == "__call__" or (not name.startswith("_") and callable(getattr(loaded, name, None)))


def variables_saved_model(loaded, case):
    """Return the variables that the case's signature or function captures.

    None for the reference-typed variables of a v1 graph: they are nodes, and no objects.
    """
    if case["function"] is None:
        functions = [loaded.signatures[case["signature"] or DEFAULT_SIGNATURE]]
    else:
        functions = getattr(_attribute(loaded, case["function"]), "concrete_functions", ())
    distinct = {id(variable): variable for function in functions for variable in function.variables}
    return list(distinct.values())


LOADERS = {"saved_model": Loader(load_saved_model, entry_saved_model, variables_saved_model)}
