"""Graphs with functions and constants, for tests of what happens to an input."""

from __future__ import annotations

import numpy as np
from built_models import node, v1_model
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb

_TYPES = {"float64": pb.DT_FLOAT, "int64": pb.DT_INT32}


def const(values):
    """A tensor: floats as float32, whole numbers as int32."""
    array = np.asarray(values)
    form = "<f4" if array.dtype.kind == "f" else "<i4"
    return pb.TensorProto(
        dtype=_TYPES[array.dtype.name],
        tensor_shape={"dim": [{"size": size} for size in array.shape]},
        tensor_content=array.astype(form).tobytes(),
    )


def constant(name, values):
    return pb.NodeDef(name=name, op="Const", attr={"value": {"tensor": const(values)}})


def string(name, *values):
    """A constant of strings."""
    tensor = pb.TensorProto(dtype=pb.DT_STRING, string_val=[each.encode() for each in values])
    return pb.NodeDef(name=name, op="Const", attr={"value": {"tensor": tensor}})


def op(name, kind, *inputs, **attributes):
    return pb.NodeDef(name=name, op=kind, input=inputs, attr=attributes)


def function(name, args, nodes, ret):
    signature = {"name": name, "input_arg": [{"name": each} for each in args]}
    signature["output_arg"] = [{"name": each} for each in ret]
    return pb.FunctionDef(signature=signature, node_def=nodes, ret=ret)


def calling(inner, inputs, *nodes):
    """A graph with a placeholder ``x`` and a constant ``c`` of [9, 16], and a call of a function."""
    call = op("call", "PartitionedCall", *inputs, f={"func": {"name": inner.signature.name}})
    model = v1_model(node("Placeholder", "x"), constant("c", [9.0, 16.0]), call, *nodes)
    model.meta_graphs[0].graph_def.library.function.append(inner)
    return model


def image_model(*nodes, shape=(-1, 32, 32, 3), dtype=pb.DT_FLOAT, inputs=("x",)):
    """A graph from the placeholder ``x`` to the node ``y``."""
    model = v1_model(*(node("Placeholder", name) for name in inputs), *nodes)
    signature = model.meta_graphs[0].signature_def["serving_default"]
    for name in inputs:
        dims = {"dim": [{"size": size} for size in shape]}
        signature.inputs[name].CopyFrom(pb.TensorInfo(name=f"{name}:0", dtype=dtype, tensor_shape=dims))
    return model
