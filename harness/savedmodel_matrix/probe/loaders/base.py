"""What loaders share: their form, the error for a missing signature or function, calls by attribute."""

import collections

from .. import tensors, texts

Loader = collections.namedtuple("Loader", ["load", "entry", "variables", "initialisation", "release"])
# Objects are restored completely or not at all, so most have no initialisation to report; and what only
# Python holds is released with the last reference.
Loader.__new__.__defaults__ = (lambda tf, loaded, case: None, lambda loaded: None)  # noqa: ARG005 - for 3.6

DEFAULT_SIGNATURE = "serving_default"


class NoSuchEntryError(texts.PlainError):
    """The loaded model lacks what the case calls. The text is the reason to show."""


def no_such_signature(wanted, names):
    """Return the error that lists the existing signatures."""
    have = ", ".join(sorted(map(str, names))) or "none"
    return NoSuchEntryError("signature {!r} does not exist; the model has: {}".format(wanted, have))


def function_of(tf, loaded, path):
    """Return a caller of the attribute at the dotted ``path``; unnamed inputs are positional."""
    target = attribute(loaded, path)
    if not callable(target):
        have = ", ".join(sorted(name for name in dir(loaded) if _offered(loaded, name))) or "none"
        raise NoSuchEntryError("function {!r} does not exist; the model has: {}".format(path, have))

    def call(inputs):
        values = {name: tensors.composite(tf, components) for name, components in inputs.items()}
        positional = [values.pop("")] if "" in values else []
        return target(*positional, **values)

    return call


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
