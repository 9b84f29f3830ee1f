"""Print which of one TensorFlow's ops cannot compute in bfloat16 on a CPU without oneDNN, as JSON.

Standalone: run it on Linux with the interpreter of an environment, once per TensorFlow minor, and pass the
files to ``python -m maintenance.refresh_precision``, which documents the steps. It imports nothing from the
harness and nothing that TensorFlow does not install, and runs on Python 3.8 and later.

An op lacks bfloat16 if no CPU kernel is registered for it, or if the one that is registered refuses: builds
with oneDNN register kernels that only say "Op does not support bfloat16 inputs" (or, up to 2.10, compute
nothing), for oneDNN to replace. The second kind is found by running every op that oneDNN replaces, each in a
process of its own, with inputs that need not make sense: such a kernel refuses before it looks at them.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from typing import Any

_FLOAT, _BFLOAT16 = 1, 14
_RESOURCE, _VARIANT = 20, 21
#: Seconds for one op, of which none takes more than a fraction of one.
_LONGEST = 120
#: From 2.11 on, and before, when such a kernel computed nothing.
_REFUSES = ("does not support bfloat16", "Missing 0-th output from ")


def dump() -> dict[str, Any]:
    """Return the ops that compute in float32 but not in bfloat16."""
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    tensorflow = importlib.import_module("tensorflow")
    _have_errors_short()
    kernels = _cpu_kernels()
    found: dict[str, str] = {}
    ops = _ops()
    named = {op.name for op in ops}
    for op in ops:
        # Ops whose names begin with "_" are made by the runtime, and are never in a file.
        if op.name not in kernels or op.name.startswith("_"):
            continue
        for attribute in _types(op):
            allowed = attribute.allowed_values.list.type
            if allowed and not {_FLOAT, _BFLOAT16} <= set(allowed):
                continue
            if not _takes(kernels[op.name], attribute.name, _FLOAT):
                continue
            if not _takes(kernels[op.name], attribute.name, _BFLOAT16):
                found[f"{op.name}.{attribute.name}"] = "no kernel"
            elif _is_replaced(op.name, named) and _refuses(tensorflow, op, attribute.name):
                found[f"{op.name}.{attribute.name}"] = "refuses"
    return {"tensorflow": tensorflow.__version__, "lacking": found}


def _ops() -> list[Any]:
    session = importlib.import_module("tensorflow.python.client.pywrap_tf_session")
    registered = importlib.import_module("tensorflow.core.framework.op_def_pb2").OpList()
    registered.ParseFromString(session.TF_GetBuffer(session.TF_GetAllOpList()))
    return sorted(registered.op, key=lambda op: op.name)


def _cpu_kernels() -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    kernels = importlib.import_module("tensorflow.python.framework.kernels")
    for kernel in kernels.get_all_registered_kernels().kernel:
        if kernel.device_type in {"CPU", "DEFAULT"}:
            found.setdefault(kernel.op, []).append(kernel)
    return found


def _types(op: Any) -> list[Any]:  # noqa: ANN401 - TensorFlow's OpDef
    """Return the attributes that are a type of inputs of the op."""
    inputs = {each.type_attr for each in op.input_arg}
    return [each for each in op.attr if each.type == "type" and each.name in inputs]


def _have_errors_short() -> None:
    """Leave out of errors where their node comes from, which takes seconds to find."""
    places = importlib.import_module("tensorflow.python.framework.error_interpolation")
    for name in ("interpolate", "interpolate_graph"):
        if hasattr(places, name):
            setattr(places, name, lambda message, graph: message)  # noqa: ARG005 - the form of the original


def _is_replaced(name: str, named: set[str]) -> bool:
    """Whether oneDNN has an op of its own in the place of this one."""
    return not named.isdisjoint({f"_Mkl{name}", f"_MklNative{name}"})


def _takes(kernels: list[Any], attribute: str, dtype: int) -> bool:
    """Whether a kernel has no constraint that excludes the type."""
    return any(
        all(each.name != attribute or dtype in each.allowed_values.list.type for each in kernel.constraint)
        for kernel in kernels
    )


def _refuses(tensorflow: Any, op: Any, attribute: str) -> bool:  # noqa: ANN401 - as above
    """Whether the op's kernel says that it does not support bfloat16; seen in a process of its own."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = 0
        try:
            signal.alarm(_LONGEST)
            error = _error_of(tensorflow, op, attribute)
            status = int(any(each in error for each in _REFUSES))
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    if os.WIFSIGNALED(ended) and os.WTERMSIG(ended) == signal.SIGALRM:
        raise TimeoutError(op.name)
    return os.WIFEXITED(ended) and os.WEXITSTATUS(ended) == 1


def _error_of(tensorflow: Any, op: Any, attribute: str) -> str:  # noqa: ANN401 - as above
    """Return the error of running the op on scalars of value zero."""
    graph = tensorflow.Graph()
    try:
        with graph.as_default():
            kinds = {each.name: _type_for(each, attribute) for each in op.attr if each.type == "type"}
            inputs = []
            for each in op.input_arg:
                if each.number_attr or each.type_list_attr or each.is_ref:
                    return ""
                if each.type in {_RESOURCE, _VARIANT}:  # nothing can be fed
                    return ""
                inputs.append(tensorflow.compat.v1.placeholder(kinds.get(each.type_attr, each.type)))
            made = graph.create_op(op.name, inputs, attrs=_attributes(op, kinds), op_def=op)
        feed = {each: _zero(each.dtype) for each in inputs}
        with tensorflow.compat.v1.Session(graph=graph) as session:
            session.run(list(made.outputs) or made, feed)
    except Exception as error:
        return str(error)
    return ""


def _type_for(attribute: Any, wanted: str) -> int:  # noqa: ANN401 - as above
    allowed = list(attribute.allowed_values.list.type)
    if attribute.name == wanted:
        return _BFLOAT16
    default = attribute.default_value.type
    return int(default or (_FLOAT if not allowed or _FLOAT in allowed else allowed[0]))


def _attributes(op: Any, kinds: dict[str, int]) -> dict[str, Any]:  # noqa: ANN401 - as above
    """Return a value for each attribute: its type, its default, or a small one."""
    values = importlib.import_module("tensorflow.core.framework.attr_value_pb2")
    found: dict[str, Any] = {}
    for each in op.attr:
        value = values.AttrValue()
        if each.name in kinds:
            value.type = kinds[each.name]
        elif each.HasField("default_value"):
            value.CopyFrom(each.default_value)
        elif each.type == "int":
            value.i = max(1, each.minimum)
        elif each.type == "float":
            value.f = 0.5
        elif each.type == "bool":
            value.b = False
        elif each.type == "string":
            allowed = each.allowed_values.list.s
            value.s = allowed[0] if allowed else b""
        elif each.type == "shape":
            value.shape.unknown_rank = True
        elif each.type == "list(int)":
            value.list.i.extend([1] * max(4, each.minimum))
        elif each.type == "list(float)":
            value.list.f.extend([1.0])
        found[each.name] = value
    return found


def _zero(dtype: Any) -> Any:  # noqa: ANN401 - TensorFlow's types
    numpy = importlib.import_module("numpy")
    return numpy.zeros((), dtype.as_numpy_dtype)


def main() -> None:
    """Print the JSON, and nothing else, to standard output."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    json.dump(dump(), sys.stdout, indent=0, sort_keys=True)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
