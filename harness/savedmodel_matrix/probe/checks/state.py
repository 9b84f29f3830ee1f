"""Which signatures of a loaded model write variables or tables, and which share them with the checked one."""

import re

import numpy as np

from .. import arrays, tensors
from ..loaders import base, initialisation
from ..measurements import noise_floor

_WRITES = re.compile(
    r"Assign\w*VariableOp|Assign(Add|Sub)?|Scatter\w+|Resource(Scatter|Apply)\w+|CountUpTo|ResourceCountUpTo|"
    r"LookupTable(Insert|Import|Remove)(V2)?|Stateful(Uniform|StandardNormal|TruncatedNormal|Random)\w*|RngReadAndSkip"
)
_DRAWS = re.compile(
    r"(Parameterized)?(Random|Truncated)[A-Z]|Multinomial|Stateful[A-Z]\w*(Uniform|Normal)|Sample"
)
_VARIABLES = ("VarHandleOp", "VariableV2", "Variable")


def writes(loaded, case):
    """Whether the case's signature writes anything, as far as its graph shows."""
    own = _used(loaded, case["signature"] or base.DEFAULT_SIGNATURE) if case["function"] is None else None
    return own is not None and own[0]


def draws(loaded, case):
    """Whether the case's signature draws random numbers: a load would begin them again and hide it."""
    own = _used(loaded, case["signature"] or base.DEFAULT_SIGNATURE) if case["function"] is None else None
    return own is not None and own[2]


def carries(loaded, case):
    """Whether a call may affect the next one: the signature writes, or goes on drawing from a seed."""
    own = _used(loaded, case["signature"] or base.DEFAULT_SIGNATURE) if case["function"] is None else None
    return own is not None and (own[0] or own[3])


def writers(loaded, case):
    """Return the names of the other signatures that write, and share a variable or table with the case's."""
    wanted = case["signature"] or base.DEFAULT_SIGNATURE
    own = _used(loaded, wanted) if case["function"] is None else None
    found = []
    for name in _signatures(loaded) if own is not None else ():
        other = _used(loaded, name) if name != wanted else None
        if other is not None and other[0] and own[1] & other[1]:
            found.append(name)
    return found


def _signatures(loaded):
    if hasattr(loaded, "meta_graph"):
        names = loaded.meta_graph.signature_def
    else:
        names = getattr(loaded, "signatures", ())
    return sorted(name for name in names if not name.startswith("__saved_model"))


def _used(loaded, name):
    """Return whether a signature writes, what it holds (handles or nodes), and whether it draws numbers.

    Last comes whether it draws from a seed. Return ``None`` if that is not known.
    """
    if hasattr(loaded, "meta_graph"):
        graph = loaded.session.graph
        infos = loaded.meta_graph.signature_def[name].outputs.values()
        leaves = [graph.as_graph_element(info.name) for info in infos if info.name]
        reached = initialisation.reached(leaves)
        held = {each.name for each in reached if each.type in _VARIABLES or "Table" in each.type}
        return _of_nodes([each.node_def for each in reached], held)
    signatures = getattr(loaded, "signatures", None)
    if signatures is None or name not in signatures:
        return None
    definition = signatures[name].graph.as_graph_def()
    nodes = list(definition.node)
    nodes += [node for function in definition.library.function for node in function.node_def]
    held = {id(each) for each in signatures[name].captured_inputs}
    return _of_nodes(nodes, held)


def _of_nodes(nodes, held):
    ops = {node.op for node in nodes}
    seeded = any(_is_seeded(node) for node in nodes)
    return any(map(_WRITES.fullmatch, ops)), held, any(map(_DRAWS.match, ops)), seeded


def _is_seeded(node):
    return any(name in node.attr and node.attr[name].i for name in ("seed", "seed2"))


def inputs_of(tf, loaded, name, batch):
    """Return inputs for another signature: those of ``batch`` that it takes, and ones for all others."""
    rows = next((int(np.shape(parts[None])[0]) for parts in batch.values() if np.ndim(parts.get(None))), 1)
    if hasattr(loaded, "meta_graph"):
        infos = loaded.meta_graph.signature_def[name].inputs
        graph = loaded.session.graph
        specs = {key: graph.as_graph_element(info.name) for key, info in infos.items() if info.name}
    else:
        specs = loaded.signatures[name].structured_input_signature[1]
    found = {}
    for key, spec in specs.items():
        given = batch.get(key, {}).get(None)
        if given is not None and given.dtype == spec.dtype and spec.shape.is_compatible_with(given.shape):
            found[key] = {None: given}
        else:
            shape = [
                rows if size is None else size for size in (spec.shape.as_list() if spec.shape.rank else [])
            ]
            ones = np.full(shape, b"a", object) if spec.dtype == tf.string else np.ones(shape)
            found[key] = {
                None: tf.constant(ones, spec.dtype) if spec.dtype == tf.string else tf.cast(ones, spec.dtype)
            }
    return found


def rolled(session, batch, inputs):
    """Return a batch's inputs with the rows of its dense arrays in another order."""
    changed = {name: dict(parts) for name, parts in inputs.items()}
    for item in batch:
        array = arrays.read_array(session.objects, item["array"])
        other = noise_floor.another_order(array) if item["component"] is None else None
        if other is not None:
            changed[item["name"] or ""][None] = tensors.to_tensor(session.tf, other, item["array"]["dtype"])
    return changed
