"""Models for tests, built from the schema's own messages."""

from __future__ import annotations

import json
from pathlib import Path

import google_crc32c
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb

EXAMPLES = Path(__file__).parents[4] / "examples" / "models"


def tensor(name, dtype=pb.DT_FLOAT):
    return pb.TensorInfo(name=name, dtype=dtype, tensor_shape={"dim": [{"size": -1}]})


def node(op, name="", *, device="", **attributes):
    return pb.NodeDef(name=name or op.lower(), op=op, device=device, attr=attributes)


def v1_model(*nodes, tensorflow="1.15.0", producer=134, signatures=None):
    """A model of TF 1: a graph, and a signature from ``x`` to ``y``."""
    signature = pb.SignatureDef(inputs={"x": tensor("x:0")}, outputs={"y": tensor("y:0")})
    graph = pb.WholeMetaGraphDef(
        meta_info_def={"tags": ["serve"], "tensorflow_version": tensorflow},
        graph_def={"node": nodes, "versions": {"producer": producer}},
        signature_def={"serving_default": signature} if signatures is None else signatures,
    )
    return pb.WholeSavedModel(saved_model_schema_version=1, meta_graphs=[graph])


def v2_model(*nodes, objects=(), tensorflow="2.7.4", producer=898):
    """A model of TF 2: objects, and one function that holds the nodes, and that the signature calls."""
    model = v1_model(tensorflow=tensorflow, producer=producer)
    graph = model.meta_graphs[0]
    function = pb.FunctionDef(signature={"name": "__inference_f_1"}, node_def=nodes)
    graph.graph_def.library.function.append(function)
    graph.graph_def.node.append(node("StatefulPartitionedCall", "y", f={"func": {"name": "__inference_f_1"}}))
    graph.object_graph_def.nodes.extend(objects or [user_object()])
    return model


def user_object(identifier="_generic_user_object", metadata="", **fields):
    return pb.SavedObject(user_object={"identifier": identifier, "metadata": metadata}, **fields)


def optimizer(slots):
    return user_object("optimizer", slot_variables=[{"slot_name": "m"}] * slots)


def keras_metadata(*layers):
    """The content of ``keras_metadata.pb``: each layer a pair of its identifier and its JSON."""
    nodes = [{"identifier": identifier, "metadata": json.dumps(facts)} for identifier, facts in layers]
    return pb.KerasMetadata(nodes=nodes).SerializeToString()


def tensor_entry(*shape):
    """The entry of an empty tensor in an index."""
    held = pb.TensorShapeProto(dim=[{"size": size} for size in shape]).SerializeToString()
    return b"\x12" + bytes([len(held)]) + held


def checkpoint_index(shards=1, *entries, tensors=()):
    """The content of ``variables.index``; each entry is a shard, an offset and a size of less than 128.

    ``tensors`` are further entries, in bytes.
    """
    values = [b"\x08" + bytes([shards]), *tensors]
    values += [bytes([0x18, shard, 0x20, offset, 0x28, size]) for shard, offset, size in entries]
    keys = [b"", *(b"%d" % number for number in range(len(values) - 1))]
    written = [
        bytes([0, len(key), len(value)]) + key + value for key, value in zip(keys, values, strict=True)
    ]
    data = _block(b"".join(written))
    nothing = _block(b"")
    place = bytes([0, len(data) - 5])
    top = _block(bytes([0, 0, len(place)]) + place)
    handles = bytes([len(data), len(nothing) - 5, len(data) + len(nothing), len(top) - 5])
    return data + nothing + top + handles.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def _block(entries):
    content = entries + (0).to_bytes(4, "little") + (1).to_bytes(4, "little") + b"\0"
    checksum = google_crc32c.value(content)
    masked = ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return content + masked.to_bytes(4, "little")


def write(folder, model, *, index=True):
    """Write a model, with an index of variables of one shard unless told otherwise, and return its folder."""
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "saved_model.pb").write_bytes(model.SerializeToString())
    if index:
        (folder / "variables").mkdir(exist_ok=True)
        (folder / "variables" / "variables.index").write_bytes(checkpoint_index())
        (folder / "variables" / "variables.data-00000-of-00001").write_bytes(b"")
    return folder
