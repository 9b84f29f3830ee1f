"""Print facts about one TensorFlow as JSON: its ops, their CPU kernels, the kinds of object it can load.

Standalone: run it with the interpreter of an environment, once per TensorFlow minor, and pass the files to
``python -m maintenance.refresh_ops``, which documents the steps. It imports nothing from the harness and
nothing that TensorFlow does not install, and runs on Python 3.8 and later.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any


def dump() -> dict[str, Any]:
    """Return the facts about the TensorFlow that this interpreter imports."""
    tensorflow = importlib.import_module("tensorflow")
    return {
        "tensorflow": tensorflow.__version__,
        "graph_version": tensorflow.version.GRAPH_DEF_VERSION,
        "ops": registered_ops(),
        "cpu_kernels": _cpu_kernels(),
        "object_kinds": _oneof("saved_object_graph_pb2", "SavedObject"),
        "value_kinds": _oneof("struct_pb2", "StructuredValue"),
        "keras_layers": _layers(),
    }


def registered_ops() -> dict[str, list[str]]:
    """Return the attributes of every registered op, by its name."""
    session = importlib.import_module("tensorflow.python.client.pywrap_tf_session")
    registered = importlib.import_module("tensorflow.core.framework.op_def_pb2").OpList()
    registered.ParseFromString(session.TF_GetBuffer(session.TF_GetAllOpList()))
    return {op.name: sorted(attr.name for attr in op.attr) for op in registered.op}


def _cpu_kernels() -> list[str]:
    kernels = importlib.import_module("tensorflow.python.framework.kernels")
    found = kernels.get_all_registered_kernels().kernel
    # DEFAULT kernels serve every device without its own.
    return sorted({kernel.op for kernel in found if kernel.device_type in {"CPU", "DEFAULT"}})


def _oneof(module: str, message: str) -> list[str]:
    """Return the alternatives of the message's ``kind``."""
    messages = importlib.import_module("tensorflow.core.protobuf." + module)
    return sorted(field.name for field in getattr(messages, message).DESCRIPTOR.oneofs_by_name["kind"].fields)


def _layers() -> list[str]:
    """Return the names of every layer and model class that importing Keras defines."""
    keras = importlib.import_module("tensorflow").keras
    found: set[str] = set()
    waiting = [keras.layers.Layer]
    while waiting:
        for each in waiting.pop().__subclasses__():
            if each.__name__ not in found:
                found.add(each.__name__)
                waiting.append(each)
    return sorted({"Layer", *found})


def main() -> None:
    """Print the JSON, and nothing else, to standard output."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    json.dump(dump(), sys.stdout, indent=0, sort_keys=True)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
