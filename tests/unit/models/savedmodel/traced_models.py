"""Models with functions and the calls that they were traced with, and the parts of such calls."""

from __future__ import annotations

from built_models import node, user_object, v2_model
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb

PLAIN = {"bool": "bool_value", "int": "int64_value", "float": "float64_value", "str": "string_value"}
SHAPE = {"dim": [{"size": -1}, {"size": 2}]}


def dense(name="x", shape=None):
    return {"tensor_spec_value": {"name": name, "shape": shape or SHAPE, "dtype": pb.DT_FLOAT}}


def composite(kind, *state):
    return {"type_spec_value": {"type_spec_class": kind, "type_state": {"tuple_value": {"values": state}}}}


def ragged(rank=1):
    state = [{"tensor_shape_value": SHAPE}, {"tensor_dtype_value": pb.DT_INT64}]
    state += [{"int64_value": rank}, {"tensor_dtype_value": pb.DT_INT32}]
    return composite(pb.TypeSpecProto.RAGGED_TENSOR_SPEC, *state)


def sparse(columns=-1):
    shape = {"dim": [{"size": -1}, {"size": columns}]}
    state = [{"tensor_shape_value": shape}, {"tensor_dtype_value": pb.DT_FLOAT}]
    return composite(pb.TypeSpecProto.SPARSE_TENSOR_SPEC, *state)


def value(held):
    return {"none_value": {}} if held is None else {PLAIN[type(held).__name__]: held}


def many(kind, *items):
    return {f"{kind}_value": {"values": items}}


def mapping(**items):
    return {"dict_value": {"fields": items}}


def spec(*args, defaults=(), varargs=None, method=True, wanted=()):
    full = [
        {"key": "args", "value": many("list", *map(value, args))},
        {"key": "varargs", "value": value(varargs)},
        {"key": "defaults", "value": many("tuple", *map(value, defaults)) if defaults else value(None)},
        {"key": "kwonlydefaults", "value": value(None)},
    ]
    found = {
        "fullargspec": {"named_tuple_value": {"name": "FullArgSpec", "values": full}},
        "is_method": method,
    }
    return {**found, "input_signature": many("tuple", *wanted)} if wanted else found


def function_model(function_spec, *traces, path=("__call__",)):
    """A model without signatures whose function at ``path`` was traced with the calls ``traces``."""
    names = [f"__inference_f_{number}" for number in range(len(traces))]
    objects = [
        user_object(children=[{"node_id": number + 1, "local_name": name}])
        for number, name in enumerate(path)
    ]
    objects.append(pb.SavedObject(function={"concrete_functions": names, "function_spec": function_spec}))
    model = v2_model(objects=objects)
    graph = model.meta_graphs[0]
    graph.signature_def.clear()
    for name, (positional, keywords) in zip(names, traces, strict=True):
        canonical = many("tuple", many("tuple", *positional), mapping(**keywords))
        graph.object_graph_def.concrete_functions[name].CopyFrom(
            pb.SavedConcreteFunction(canonicalized_input_signature=canonical)
        )
        graph.graph_def.library.function.append(
            pb.FunctionDef(signature={"name": name}, node_def=[node("Lgamma", T={"type": pb.DT_BFLOAT16})])
        )
    return model
