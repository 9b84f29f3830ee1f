"""``tf.saved_model.load``: the object that was saved, with its signatures and functions."""

from .. import tensors
from . import base


def load(tf, case):
    """Return the object; without tags the model must hold one graph, whatever its tags."""
    return tf.saved_model.load(case["model"], tags=case["tags"])


def entry(tf, loaded, case):
    """Return a function for the case's signature, or for the attribute it names."""
    if case["function"] is not None:
        return base.function_of(tf, loaded, case["function"])
    wanted = case["signature"] or base.DEFAULT_SIGNATURE
    signatures = loaded.signatures
    if wanted not in signatures:
        raise base.no_such_signature(wanted, signatures)
    signature = signatures[wanted]
    specs = signature.structured_input_signature[1]
    return lambda inputs: signature(**_arguments(tf, specs, inputs))


def _arguments(tf, specs, inputs):
    """Return the keyword arguments of a signature that declares ``specs`` (a dict by argument name)."""
    arguments = {}
    for name, components in inputs.items():
        names = {None: name} if None in components else base.spelled(name, components, specs)
        if names is None:
            arguments[name] = tensors.composite(tf, components)
        else:
            arguments.update({names[part]: value for part, value in components.items()})
    return arguments


def variables(loaded, case):
    """Return the variables that the case's signature or function captures.

    None for the reference-typed variables of a v1 graph: they are nodes, and no objects.
    """
    if case["function"] is None:
        functions = [loaded.signatures[case["signature"] or base.DEFAULT_SIGNATURE]]
    else:
        functions = getattr(base.attribute(loaded, case["function"]), "concrete_functions", ())
    return base.captured(functions)
