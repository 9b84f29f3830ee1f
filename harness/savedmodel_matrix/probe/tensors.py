"""Convert stored arrays to tensors, and a model's return value to flat, named components."""

import collections.abc

import numpy as np

from . import arrays, processes, texts

#: Name of the output if the model returns a bare tensor instead of a structure.
BARE = "output"


class Watched:
    """A model's return value, and further tensors that belong to its outputs: ``(name, component, leaf)``."""

    def __init__(self, outputs, further):
        self.outputs, self.further = outputs, further


class UnrecordableError(texts.PlainError):
    """An output without a recordable value: a resource, a variant, an unknown object."""


def to_tensor(tf, array, dtype):
    """Return ``array``, as ``arrays.read_array`` gives it, as a tensor of type ``dtype``: bits kept, no cast.

    Raises ``ValueError`` if this TensorFlow has no such type.
    """
    try:
        wanted = tf.as_dtype(dtype)
    except TypeError:
        raise ValueError("this TensorFlow has no element type {!r}".format(dtype)) from None
    if dtype in arrays.STORED_AS:
        array = np.ascontiguousarray(array).view(wanted.as_numpy_dtype).reshape(array.shape)
    return tf.constant(array, dtype=wanted)


def read_inputs(tf, objects, batch):
    """Return the inputs of one batch as ``{name: {component: tensor}}``; a dense one's component is ``None``.

    Raises ``ValueError`` or ``OSError`` for an array that cannot be read or is of an unknown type.
    """
    inputs = {}
    for item in batch:
        array = arrays.read_array(objects, item["array"])
        tensor = to_tensor(tf, array, item["array"]["dtype"])
        inputs.setdefault(item["name"] or "", {})[item["component"]] = tensor
    return inputs


def row_splits(components):
    """Return the row splits of a ragged input, outermost first."""
    names = [name for name in components if name.startswith("row_splits_")]
    return [components[name] for name in sorted(names, key=lambda name: int(name.rsplit("_", 1)[1]))]


def composite(tf, components):
    """Return one input as a tensor: dense, sparse or ragged, depending on its components' names."""
    if "indices" in components:
        return tf.SparseTensor(components["indices"], components["values"], components["dense_shape"])
    if "flat_values" in components:
        return tf.RaggedTensor.from_nested_row_splits(
            components["flat_values"], row_splits(components), validate=False
        )
    return components[None]


def flatten(structure):
    """Return ``[(name, component, leaf)]`` of any structure of tensors: names in order, each pair once.

    The name is the path: keys, field names and positions joined by "/". ``None`` leaves are left out, so
    that comparing the names shows an output that exists in only one environment.
    """
    if isinstance(structure, Watched):
        return flatten(structure.outputs) + structure.further
    taken = set()
    leaves = []
    for path, component, leaf in _walk(structure, ()):
        name = "/".join(path) or BARE
        # A key may itself contain "/" and so look like another output's path.
        unique, count = name, 1
        while (unique, component) in taken:
            count += 1
            unique = "{} ({})".format(name, count)
        taken.add((unique, component))
        leaves.append((unique, component, leaf))
    return leaves


def _walk(value, path):
    if value is None:
        return
    if isinstance(value, collections.abc.Mapping):
        # TensorFlow returns a signature's outputs in an order that changes with release and run.
        for key in sorted(value, key=str):
            yield from _walk(value[key], (*path, str(key)))
    elif isinstance(value, (list, tuple)):
        fields = getattr(value, "_fields", None)
        for position, item in enumerate(value):
            key = fields[position] if fields else position
            yield from _walk(item, (*path, str(key)))
    elif hasattr(value, "flat_values") and hasattr(value, "nested_row_splits"):
        yield path, "flat_values", value.flat_values
        for depth, splits in enumerate(value.nested_row_splits):
            yield path, "row_splits_{}".format(depth), splits
    elif hasattr(value, "indices") and hasattr(value, "values") and hasattr(value, "dense_shape"):
        for component in ("indices", "values", "dense_shape"):
            if getattr(value, component) is not None:  # IndexedSlices may come without a shape
                yield path, component, getattr(value, component)
    else:
        yield path, None, value


def leaf_array(name, leaf):
    """Return ``(array, TensorFlow's type name)`` of one leaf: a tensor, an array or a Python scalar.

    Raises ``UnrecordableError`` naming the output.
    """
    dtype = getattr(leaf, "dtype", None)
    if hasattr(dtype, "as_datatype_enum"):  # a type of TensorFlow's, not of NumPy's
        dtype = getattr(dtype, "base_dtype", dtype).name
        if dtype == arrays.STRING:
            return _objects(leaf.numpy()), dtype
        try:
            arrays.stored_dtype(dtype)
        except ValueError:
            text = "output {!r} is of type {}, which has no value to record".format(name, dtype)
            raise UnrecordableError(text) from None
        return leaf.numpy(), dtype
    array = np.asarray(leaf)
    if array.dtype.kind in "SU" or isinstance(leaf, (bytes, str)):
        return _objects(leaf), arrays.STRING
    if array.dtype.kind not in "biufc":
        shown = type(leaf).__name__
        raise UnrecordableError("output {!r} is a {}, which has no value to record".format(name, shown))
    return array, array.dtype.name


def numbers(array, dtype):
    """Return a float array, of TensorFlow type ``dtype``, as float64."""
    if dtype != "bfloat16":
        return np.asarray(array).astype(np.float64)
    words = np.ascontiguousarray(array).view(np.uint16).astype(np.uint32) << 16
    return words.view(np.float32).astype(np.float64).reshape(np.shape(array))


def _objects(value):
    # NumPy's own string types drop trailing zero bytes, so bytes are stored as objects.
    if isinstance(value, (bytes, str)):
        boxed = np.empty((), dtype=object)
        boxed[()] = value
        return boxed
    return np.asarray(value, dtype=object)


def flatten_arrays(structure):
    """Return ``[(name, component, array, type name)]`` of ``structure``, fetched from its device."""
    return [(name, part, *leaf_array(name, leaf)) for name, part, leaf in flatten(structure)]


def store(objects, batch, leaves):
    """Write the result of ``flatten_arrays`` for batch number ``batch`` and return its output entries."""
    processes.hold_standard_descriptors()  # the model may have closed them
    return [
        {
            "batch": batch,
            "name": name,
            "component": component,
            "array": arrays.write_array(objects, array, dtype),
        }
        for name, component, array, dtype in leaves
    ]
