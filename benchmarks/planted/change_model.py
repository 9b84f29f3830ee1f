"""Plant known changes in copies of SavedModels, whoever made them: no source code, no Keras is needed.

``python -m benchmarks.planted.change_model REQUEST.json`` with the Python of a TensorFlow 2.15.1 environment.
The request is a list of ``{"source": SavedModel, "target": new folder, "change": name, "parameters":
{...}}``. Weights are changed in the checkpoint, ops in ``saved_model.pb``; everything else is copied. A
change that finds nothing to change is an error, so that no comparison passes because models were the same.

Run the copies in processes of their own. Keras gives each LSTM and GRU an identifier for its variants by
device, and TensorFlow's graph optimizer takes any function of the process that has the identifier: of two
copies of one model in a process, one silently runs the other's loop.

Weights, all of those that inference can read or ``tensors`` (globs on names in the checkpoint) only:

- ``scale`` by ``factor``; ``noise``, each value by a normal deviate of ``relative`` size, and ``ulp``, by
  -1, 0 or +1 unit in the last place, both from ``seed``;
- ``quantise`` to 8 bits with one step for each tensor, as a converter does;
- ``round`` to the nearest ``float16``, ``bfloat16`` or ``tf32`` (``type``);
- ``scale-columns``: the ``columns`` of the last axis by ``factor``;
- ``swap-columns``, two of the last axis (``columns``), ``swap-axes`` (``axes``) and ``roll-rows``, of the
  first axis by one, of the ``tensors``.

Ops, by globs on their ``nodes``' names, where a signature reaches them:

- ``replace-op``, of one output, by another ``op`` of the same inputs, ``Identity`` for one that is left out;
- ``epsilon`` times ``factor``, or ``value``: of FusedBatchNorm ops, or the constant that an addition adds;
- ``shift-padding``: the zeros around a convolution, one more before and one less after, on ``axis`` 1
  (height) or 2 (width); ``kernel`` is its height and width, and it has no strides;
- ``half``: the one output goes through float16;
- ``swap-inputs``: the first two inputs change places;
- ``attribute``: the ``attributes`` by name have other whole numbers;
- ``constant``: the constant is ``factor`` times as large, or its elements ``rolled`` by one place.
"""

import importlib
import json
import shutil
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.planted.change_weights import WEIGHTS, is_weight

_BEFORE_HALF = "before_half"  # what the op itself is then called, below its old name


def main(request: str) -> int:
    """Make every copy that the file asks for and return how many there are."""
    tf = importlib.import_module("tensorflow")
    asked = json.loads(Path(request).read_text(encoding="utf-8"))
    for each in asked:
        plant(tf, Path(each["source"]), Path(each["target"]), each["change"], each["parameters"])
    return len(asked)


def plant(tf: Any, source: Path, target: Path, change: str, parameters: Any) -> None:  # noqa: ANN401
    """Copy a SavedModel into the new folder ``target`` and change the copy; ``tf`` is TensorFlow.

    Raises:
        ValueError: if there is no such change, or nothing in the model that it applies to.
    """
    if change not in WEIGHTS and change not in OPS:
        raise ValueError(f"no change {change!r}; there are {', '.join([*WEIGHTS, *OPS])}")
    shutil.copytree(source, target)
    # It names the content that is about to change; TensorFlow loads models without it.
    (target / "fingerprint.pb").unlink(missing_ok=True)
    if change in WEIGHTS:
        _change_weights(tf, source, target, change, parameters)
    else:
        _change_ops(tf, target / "saved_model.pb", change, parameters)


def _change_weights(tf: Any, source: Path, target: Path, change: str, parameters: Any) -> None:  # noqa: ANN401
    reader = tf.train.load_checkpoint(str(source / "variables" / "variables"))
    names = sorted(reader.get_variable_to_shape_map())
    dtypes = reader.get_variable_to_dtype_map()
    values = {name: reader.get_tensor(name) for name in names}
    floats = [name for name in names if dtypes[name] == tf.float32 and is_weight(name)]
    chosen = floats if "tensors" not in parameters else matching(floats, parameters["tensors"])
    random = np.random.RandomState(parameters.get("seed", 0))
    before = {name: values[name] for name in chosen}
    for name in chosen:
        values[name] = WEIGHTS[change](values[name], parameters, random).astype(np.float32)
    if all(np.array_equal(values[name], before[name]) for name in chosen):
        raise ValueError(f"{change} changes no weight of {source}")
    shutil.rmtree(target / "variables")
    (target / "variables").mkdir()
    tf.raw_ops.SaveV2(
        prefix=str(target / "variables" / "variables"),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.constant(values[name], dtypes[name]) for name in names],
    )


# Ops. Every function takes TensorFlow, the graph or function that a node is in, the node and the parameters.


def _change_ops(tf: Any, file: Path, change: str, parameters: Any) -> None:  # noqa: ANN401
    model = importlib.import_module("tensorflow.core.protobuf.saved_model_pb2").SavedModel()
    model.ParseFromString(file.read_bytes())
    bodies = [body for meta_graph in model.meta_graphs for body in reached(meta_graph)]
    wanted = set(matching([name for body in bodies for name in body.nodes], parameters["nodes"]))
    for body in bodies:
        for name in sorted(wanted & body.nodes.keys()):
            OPS[change](tf, body, body.nodes[name], parameters)
    file.write_bytes(model.SerializeToString(deterministic=True))


class Body:
    """A graph, or a function of its library: ``nodes`` by name are those that are reached."""

    def __init__(self, definition: Any, all_nodes: Any, names: Any) -> None:  # noqa: ANN401
        self._all = all_nodes
        self._returned = definition.ret if hasattr(definition, "ret") else None
        self.nodes = {node.name: node for node in all_nodes if node.name in names}

    def node_of(self, reference: str) -> Any:  # noqa: ANN401
        """Return the node that an input refers to, or None if it is an argument of the function."""
        name = reference.partition(":")[0]
        return next((node for node in self._all if node.name == name), None)

    def rename_output(self, node: str, output: str) -> None:
        """Say in every reference to the first output of ``node`` that it is called so.

        Functions refer to outputs by their name in the op's definition, graphs by their number alone.
        """
        if self._returned is None:
            return
        for each in self._all:
            for place, reference in enumerate(each.input):
                each.input[place] = with_output(reference, node, output)
        for key in list(self._returned):
            self._returned[key] = with_output(self._returned[key], node, output)

    def reference(self, node: str, output: str) -> str:
        """Return how an input refers to the first output of ``node``."""
        return node if self._returned is None else f"{node}:{output}:0"

    def add(self) -> Any:  # noqa: ANN401
        """Return a new node, empty."""
        return self._all.add()


def with_output(reference: str, node: str, output: str) -> str:
    """Return a function's reference, with another output's name if it is one to ``node``."""
    return f"{node}:{output}:0" if reference.partition(":")[0] == node else reference


def reached(meta_graph: Any) -> list[Body]:  # noqa: ANN401
    """Return the graph and the functions that the signatures run, each with all nodes that may matter."""
    graph = meta_graph.graph_def
    nodes = {node.name: node for node in graph.node}
    waiting = [
        info.name.partition(":")[0]
        for signature in meta_graph.signature_def.values()
        for info in signature.outputs.values()
    ]
    names: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in names:
            names.add(name)
            waiting += [reference.lstrip("^").partition(":")[0] for reference in nodes[name].input]
    library = {function.signature.name: function for function in graph.library.function}
    called = [callee for name in names for callee in callees(nodes[name])]
    bodies = {}
    while called:
        function = library.get(called.pop())
        if function is not None and function.signature.name not in bodies:
            inside = {node.name for node in function.node_def}
            bodies[function.signature.name] = Body(function, function.node_def, inside)
            called += [callee for node in function.node_def for callee in callees(node)]
    return [Body(graph, graph.node, names), *bodies.values()]


def callees(node: Any) -> list[str]:  # noqa: ANN401
    """Return the functions that a node's attributes name."""
    found = [value.func.name for value in node.attr.values() if value.HasField("func")]
    return found + [function.name for value in node.attr.values() for function in value.list.func]


def _replace(tf: Any, body: Body, node: Any, parameters: Any) -> None:  # noqa: ANN401, ARG001
    definition, old = _definition(parameters["op"]), _definition(node.op)
    inputs = [reference for reference in node.input if not reference.startswith("^")]
    if len(inputs) != len(definition.input_arg) or len(old.output_arg) != 1:
        raise ValueError(f"{node.op} {node.name} cannot be replaced by {definition.name}")
    known = {attribute.name for attribute in definition.attr}
    for name in [name for name in node.attr if name not in known and not name.startswith("_")]:
        del node.attr[name]
    node.op = definition.name
    body.rename_output(node.name, definition.output_arg[0].name)


def _definition(op: str) -> Any:  # noqa: ANN401
    found = importlib.import_module("tensorflow.python.framework.op_def_registry").get(op)
    if found is None:
        raise ValueError(f"TensorFlow has no op {op!r}")
    return found


def _change_epsilon(tf: Any, body: Body, node: Any, parameters: Any) -> None:  # noqa: ANN401
    def changed(value: float) -> float:
        return float(parameters["value"] if "value" in parameters else value * parameters["factor"])

    if node.op.startswith("FusedBatchNorm"):
        node.attr["epsilon"].f = changed(node.attr["epsilon"].f)
        return
    added = [body.node_of(reference) for reference in node.input]
    constants = [found for found in added if found is not None and found.op == "Const"]
    if node.op not in ("Add", "AddV2") or len(constants) != 1:
        raise ValueError(f"{node.op} {node.name} adds no constant")
    tensor = constants[0].attr["value"].tensor
    value = tf.make_ndarray(tensor)
    if value.size != 1:
        raise ValueError(f"{node.op} {node.name} adds {value.size} numbers")
    tensor.CopyFrom(tf.make_tensor_proto(changed(value.item()), tensor.dtype, value.shape))


def _shift_padding(tf: Any, body: Body, node: Any, parameters: Any) -> None:  # noqa: ANN401, ARG001
    if node.op != "Conv2D" or node.attr["padding"].s != b"SAME" or node.attr["data_format"].s == b"NCHW":
        raise ValueError(f"{node.op} {node.name} is no convolution of images with the same padding")
    steps = [*node.attr["strides"].list.i, *node.attr["dilations"].list.i]
    if any(step != 1 for step in steps):
        raise ValueError(f"{node.name} has strides or dilations")
    paddings = shifted_paddings(parameters["kernel"], parameters["axis"])
    node.attr["padding"].s = b"EXPLICIT"
    del node.attr["explicit_paddings"].list.i[:]
    node.attr["explicit_paddings"].list.i.extend(paddings)


def shifted_paddings(kernel: tuple[int, int], axis: int) -> list[int]:
    """Return padding before and after of each axis (batch, height, width, channels), shifted on one.

    It is that of ``SAME`` without strides otherwise, so that every shape stays.
    """
    spatial = [[(size - 1) // 2, size // 2] for size in kernel]
    pairs = [[0, 0], *spatial, [0, 0]]
    before, after = pairs[axis]
    if after < 1:
        raise ValueError(f"a kernel of {kernel} has no padding to shift on axis {axis}")
    pairs[axis] = [before + 1, after - 1]
    return [size for pair in pairs for size in pair]


def _through_half(tf: Any, body: Body, node: Any, parameters: Any) -> None:  # noqa: ANN401, ARG001
    definition = _definition(node.op)
    if len(definition.output_arg) != 1 or node.attr["T"].type != tf.float32.as_datatype_enum:
        raise ValueError(f"{node.op} {node.name} has no float32 output, or more than one")
    # The old name is the last cast's, so that control inputs, colocations and signatures still hold.
    name = node.name
    body.rename_output(name, "y")
    node.name = f"{name}/{_BEFORE_HALF}"
    ends = (
        (f"{name}/half", body.reference(node.name, definition.output_arg[0].name), tf.float32, tf.float16),
        (name, body.reference(f"{name}/half", "y"), tf.float16, tf.float32),
    )
    for new, taken, given, wanted in ends:
        cast = body.add()
        cast.name, cast.op = new, "Cast"
        cast.input.append(taken)
        cast.device = node.device
        cast.attr["SrcT"].type = given.as_datatype_enum
        cast.attr["DstT"].type = wanted.as_datatype_enum
        cast.attr["Truncate"].b = False


def _swap_inputs(tf: Any, body: Body, node: Any, parameters: Any) -> None:  # noqa: ANN401, ARG001
    if len(node.input) < 2 or node.input[0] == node.input[1]:
        raise ValueError(f"{node.op} {node.name} has no two inputs to swap")
    node.input[0], node.input[1] = node.input[1], node.input[0]


def _set_attributes(tf: Any, body: Body, node: Any, parameters: Any) -> None:  # noqa: ANN401, ARG001
    for name, value in parameters["attributes"].items():
        if name not in node.attr or node.attr[name].i == value:
            raise ValueError(f"{node.op} {node.name} has no other number {name!r}")
        node.attr[name].i = value


def _change_constant(tf: Any, body: Body, node: Any, parameters: Any) -> None:  # noqa: ANN401, ARG001
    if node.op != "Const":
        raise ValueError(f"{node.op} {node.name} is no constant")
    tensor = node.attr["value"].tensor
    before = tf.make_ndarray(tensor)
    after = np.roll(before, 1) if "rolled" in parameters else before * parameters["factor"]
    if np.array_equal(before, after):
        raise ValueError(f"the change of {node.name} changes nothing")
    tensor.CopyFrom(tf.make_tensor_proto(after, tensor.dtype, before.shape))


OPS = {
    "replace-op": _replace,
    "epsilon": _change_epsilon,
    "shift-padding": _shift_padding,
    "half": _through_half,
    "swap-inputs": _swap_inputs,
    "attribute": _set_attributes,
    "constant": _change_constant,
}


def matching(names: list[str], globs: list[str]) -> list[str]:
    """Return the names that match any of the globs.

    Raises:
        ValueError: if one of the globs matches none.
    """
    for pattern in globs:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(f"nothing is called {pattern!r}; there are {', '.join(sorted(names)[:40])}")
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in globs)]


if __name__ == "__main__":
    print("changed", main(sys.argv[1]))  # noqa: T201 - the answer to the bench
