"""Breaks SavedModels: from a base model and a seed to a broken copy, the same one on every machine.

Edits of bytes, edits that know the schema, and edits of whole files. The copy is small enough to write, but
may claim to be anything.
"""

from __future__ import annotations

import os
import shutil
from random import Random

from google.protobuf.descriptor import FieldDescriptor
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb

#: The largest file that is written.
LARGEST = 8 << 20
STRINGS = (
    b"",
    b"\xff\xfe\x80",
    b"a\0b",
    b"\x1b[31mred\x1b]0;title\x07\n\r",
    "\u202e\u200e\U0001f600".encode(),
    b"../../../etc/passwd",
    b"x" * 100_000,
    b":" * 5000,
    b"^" * 5000,
    b"serve",
    b"{" * 5000,
    b'{"class_name": "Lambda", "config": {"function": {"class_name": []}}, "training_config": {"loss": 3}}',
    b'{"class_name": ["a"], "config": [], "keras_version": {}, "training_config": {"loss": [[{}], null]}}',
    b"-99999999999999999999",
    b"n:99999999999999999999",
    "n:²".encode(),
)
NUMBERS = (0, 1, 2, 7, 24, 100, 127, 1 << 31, (1 << 31) - 1, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
_LENGTH_DELIMITED = 2
_MESSAGE, _STRING, _BYTES = (
    FieldDescriptor.TYPE_MESSAGE,
    FieldDescriptor.TYPE_STRING,
    FieldDescriptor.TYPE_BYTES,
)


def mutate(folder, chance):
    """Break the model in ``folder``, a copy, and return what was done."""
    edits = chance.choices(
        [_bytes, _structure, _crafted, _files, _variables, _keras, _as_text], [3, 8, 3, 2, 2, 2, 1]
    )
    done = [each(folder, chance) for each in edits]
    if chance.random() < 0.3:
        done.append(_structure(folder, chance))
    return "; ".join(done)


def number(value):
    """Return a number in protobuf's variable length."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(tag, content):
    """Return a length-delimited field."""
    return number(tag << 3 | _LENGTH_DELIMITED) + number(len(content)) + content


def fields_of(content):
    """Return tag and value of each field of a message; None if it is not one."""
    found, at = [], 0
    while at < len(content):
        tag, at = _number_at(content, at)
        if tag is None or tag >> 3 == 0:
            return None
        if tag & 7 == _LENGTH_DELIMITED:
            size, at = _number_at(content, at)
            if size is None or at + size > len(content):
                return None
            found.append((tag, content[at : at + size]))
            at += size
        elif tag & 7 == 0:
            value, at = _number_at(content, at)
            if value is None:
                return None
            found.append((tag, value))
        elif tag & 7 in {1, 5}:
            size = 8 if tag & 7 == 1 else 4
            found.append((tag, content[at : at + size]))
            at += size
        else:
            return None
    return found


def encoded(fields):
    """Return the message with these fields."""
    out = bytearray()
    for tag, value in fields:
        out += number(tag)
        if isinstance(value, int):
            out += number(value)
        else:
            out += (number(len(value)) if tag & 7 == _LENGTH_DELIMITED else b"") + value
    return bytes(out)


def _number_at(content, at):
    value = 0
    for index in range(10):
        if at + index >= len(content):
            break
        value |= (content[at + index] & 127) << 7 * index
        if content[at + index] < 128:
            return value, at + index + 1
    return None, at


def _files_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _any_file(folder, chance):
    files = _files_in(folder)
    main = folder / "saved_model.pb"
    return main if main.is_file() and chance.random() < 0.7 else chance.choice(files) if files else None


def _bytes(folder, chance):
    """Edit the bytes of a file: flips, cuts, zeros, repeats."""
    file = _any_file(folder, chance)
    if file is None:
        return "no file"
    content = bytearray(file.read_bytes())
    if not content:
        return "an empty file"
    at = chance.randrange(len(content))
    end = min(len(content), at + 2 ** chance.randrange(16))
    how = chance.choice(["flip", "flips", "cut", "zeros", "repeat", "remove", "noise", "reverse"])
    if how in {"flip", "flips"}:
        for _ in range(1 if how == "flip" else chance.randrange(1, 200)):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    elif how == "cut":
        del content[at:]
    elif how == "zeros":
        content[at:end] = bytes(end - at)
    elif how == "repeat":
        content[at:end] = content[at:end] * min(chance.choice([2, 10, 1000]), LARGEST // (end - at) or 1)
    elif how == "remove":
        del content[at:end]
    elif how == "noise":
        content[at:end] = chance.randbytes(end - at)
    else:
        content[at:end] = content[at:end][::-1]
    file.write_bytes(content[:LARGEST])
    return f"{how} at {at} of {file.name}"


def _structure(folder, chance):
    """Edit one field at a random place of the message, and write right lengths around it."""
    file = folder / chance.choices(["saved_model.pb", "keras_metadata.pb"], [9, 1])[0]
    if not file.is_file():
        return f"no {file.name}"
    kind = pb.WholeSavedModel if file.name == "saved_model.pb" else pb.KerasMetadata
    content, said = _edited(file.read_bytes(), kind.DESCRIPTOR, chance, [])
    file.write_bytes(content[: 4 * LARGEST])
    return said


def _edited(content, descriptor, chance, path):
    fields = fields_of(content)
    if not fields:
        return content + chance.choice([b"\0", b"\x0a\xff\xff\xff\x7f", b"\x80" * 12]), f"{path} with a tail"
    index = chance.randrange(len(fields))
    if chance.random() < 0.5:  # otherwise fields that there are many of are always chosen
        tag = chance.choice(sorted({tag for tag, _ in fields}))
        index = chance.choice([place for place, (each, _) in enumerate(fields) if each == tag])
    tag, value = fields[index]
    known = descriptor.fields_by_number.get(tag >> 3)
    here = [*path, known.name if known else tag >> 3]
    inner = known is not None and known.type == _MESSAGE and isinstance(value, bytes)
    if inner and value and chance.random() < 0.8:
        changed, said = _edited(value, known.message_type, chance, here)
        fields[index] = (tag, changed)
        return encoded(fields), said
    how = chance.choice(["remove", "repeat", "retag", "lie", "nest", "value", "value", "swap"])
    if how == "remove":
        del fields[index]
    elif how == "repeat":
        size = len(value) + 2 if isinstance(value, bytes) else 2
        times = min(chance.choice([2, 100, 10_000, 1_000_000]), max(2, LARGEST // size))
        fields[index:index] = [fields[index]] * times
    elif how == "retag":
        fields[index] = (chance.randrange(1, 40) << 3 | tag & 7, value)
    elif how == "lie":
        before, after = encoded(fields[:index]), encoded(fields[index + 1 :])
        size = number(chance.choice(NUMBERS))
        body = value if isinstance(value, bytes) else b""
        return before + number(tag) + size + body + after, f"{how} {here}"
    elif how == "nest":
        if isinstance(value, bytes):
            numbers = [chance.choice([tag >> 3, *descriptor.fields_by_number]) for _ in range(3)]
            fields[index] = (tag, nested(value, chance.choice([20, 99, 101, 3000]), numbers))
    elif how == "swap":
        other = chance.randrange(len(fields))
        fields[index], fields[other] = (tag, fields[other][1]), (fields[other][0], value)
        fields = [each for each in fields if isinstance(each[1], int) == (each[0] & 7 == 0)]
    elif isinstance(value, bytes) and tag & 7 == _LENGTH_DELIMITED:
        fields[index] = (
            tag,
            chance.choice([*STRINGS, chance.randbytes(50), number(chance.choice(NUMBERS)) * 9]),
        )
    elif isinstance(value, int):
        fields[index] = (tag, chance.choice(NUMBERS))
    return encoded(fields), f"{how} {here}"


def nested(content, deep, numbers):
    """Return the content inside itself, ``deep`` levels; lengths grow outwards."""
    for level in range(deep):
        content = field(numbers[level % len(numbers)], content)
    return content


def _crafted(folder, chance):
    """Build what random edits rarely hit: cycles, floods, wild shapes and constants."""
    file = folder / "saved_model.pb"
    model = pb.WholeSavedModel()
    try:
        model.MergeFromString(file.read_bytes())
        graph = model.meta_graphs[0]
    except Exception as error:  # an earlier edit of this copy
        return type(error).__name__
    how = chance.choice(CRAFTED)
    how(graph, chance)
    file.write_bytes(model.SerializeToString()[: 4 * LARGEST])
    return how.__name__


def _functions_call_each_other(graph, chance):
    library = graph.graph_def.library.function
    names = [each.signature.name for each in library] or ["f"]
    for name in names:
        for target in chance.choices(names, k=chance.choice([1, 3])):
            where = next((each for each in library if each.signature.name == name), None) or library.add()
            call = where.node_def.add(name=f"call{chance.random()}", op="PartitionedCall")
            call.input.extend(where.node_def[0].name for _ in range(2))
            call.attr["f"].func.name = target
            for key in where.ret:
                where.ret[key] = f"{call.name}:output:0"


def _functions_double(graph, chance):
    """A chain of functions of which each calls the next twice: 2**n paths."""
    deep = chance.choice([10, 30, 90, 300])
    for level in range(deep):
        body = graph.graph_def.library.function.add()
        body.signature.name = f"d{level}"
        body.signature.input_arg.add(name="x")
        body.signature.output_arg.add(name="y")
        for call in ("a", "b"):
            node = body.node_def.add(
                name=call, op="StatefulPartitionedCall", input=["x" if call == "a" else "a:output:0"]
            )
            node.attr["f"].func.name = f"d{level + 1}"
        body.ret["y"] = "b:output:0"
    _enter(graph, chance, "d0")


def _enter(graph, chance, function):
    """Send every input of the signatures through a function, to every output."""
    for signature in graph.signature_def.values():
        for info in list(signature.inputs.values())[:1]:
            node = graph.graph_def.node.add(name="entered", op="StatefulPartitionedCall", input=[info.name])
            node.attr["f"].func.name = function
        for info in signature.outputs.values():
            info.name = "entered:0"


def _wild_constants(graph, chance):
    """Constants of absurd shapes, and arithmetic on them that would grow."""
    shapes = [
        [],
        [1],
        [4096],
        [4096, 1],
        [1, 4096],
        [1, 1, 4096],
        [1 << 40],
        [-1],
        [0],
        [1 << 62, 1 << 62],
        [1] * 70,
    ]
    ops = ["Add", "Mul", "Sub", "RealDiv", "Reshape", "ExpandDims", "Maximum", "Rsqrt", "Squeeze", "Sqrt"]
    nodes = graph.graph_def.node
    for at in range(6):
        node = nodes.add(name=f"c{at}", op="Const")
        node.attr["dtype"].type = chance.choice([1, 2, 3, 9, 10, 7, 14, 119, 99])
        tensor = node.attr["value"].tensor
        tensor.dtype = chance.choice([1, 2, 3, 9, 10])
        for size in chance.choice(shapes):
            tensor.tensor_shape.dim.add(size=size)
        if chance.random() < 0.5:
            tensor.tensor_content = chance.randbytes(chance.choice([0, 3, 4, 8, 16384, 32768]))
        else:
            tensor.float_val.append(chance.choice([0.0, 1e38, float("nan")]))
            tensor.int_val.append(chance.choice([0, -1, 7, 2**31 - 1]))
    for at in range(6, 40):
        inputs = [f"c{chance.randrange(at)}" for _ in range(chance.choice([1, 2, 2, 2]))]
        nodes.add(name=f"c{at}", op=chance.choice(ops), input=inputs)
    for signature in graph.signature_def.values():
        before = "c39"
        for info in list(signature.inputs.values())[:1]:
            before = info.name
            for at, op in enumerate(["Sub", "Mul", "RealDiv", "Sub", "Mul"]):
                nodes.add(name=f"in{at}", op=op, input=[before, f"c{chance.randrange(40)}"])
                before = f"in{at}"
            for op, count in (
                ("ResizeBilinear", 2),
                ("Transpose", 2),
                ("StridedSlice", 4),
                ("Cast", 1),
                ("ReverseV2", 2),
            ):
                inputs = [before, *(f"c{chance.randrange(40)}" for _ in range(count - 1))]
                nodes.add(name=f"o{op}", op=op, input=inputs)
                before = f"o{op}"
        for info in signature.outputs.values():
            info.name = before


def _wide_signature(graph, chance):
    signature = graph.signature_def[chance.choice(["serving_default", "wide", "\x1b[31m", "x" * 70_000])]
    name = chance.choice(["in", "n" * 1000, "n" * 60_000, "\n" * 1000])
    for at in range(max(1, min(20_000, LARGEST // (len(name) + 20)))):
        info = signature.inputs[f"{name}{at}"]
        info.name, info.dtype = chance.choice([("a:0", 1), ("b", 7)])
    for _ in range(chance.choice([1, 100, 100_000])):
        info.tensor_shape.dim.add(size=-5)
    signature.outputs["y"].name = "a:0"
    signature.method_name = "m" * 50_000


def _many_signatures(graph, chance):
    names = list(graph.signature_def)
    for at in range(chance.choice([100, 2000, 20_000])):
        signature = graph.signature_def[f"s{at}"]
        if names:
            signature.CopyFrom(graph.signature_def[names[0]])


def _deep_values(graph, chance):
    deep = nested(
        b"",
        chance.choice([50, 98, 101, 200, 2000]),
        chance.choice([[51, 1], [52, 1], [53, 1, 2], [54, 2, 2]]),
    )
    nodes = graph.object_graph_def.nodes
    node = nodes.add()
    node.function.function_spec.fullargspec.none_value.SetInParent()
    content = node.SerializeToString()
    try:
        nodes[-1].MergeFromString(content + field(6, field(2, field(1, deep))))
    except Exception:  # deeper than this library's own parser allows
        graph.object_graph_def.concrete_functions["f"].SetInParent()


def _cyclic_objects(graph, chance):
    nodes = graph.object_graph_def.nodes
    for at, node in enumerate(nodes):
        for target in (at, 0, len(nodes) - 1, len(nodes), 1 << 30, -1):
            node.children.add(node_id=target, local_name=chance.choice(["self", "_operations", "\x1b[0m"]))


def _object_flood(graph, chance):
    nodes = graph.object_graph_def.nodes
    for at in range(chance.choice([1000, 50_000])):
        node = nodes.add()
        node.registered_name = f"{'pkg' * chance.choice([1, 30])}>{at}"
        node.user_object.identifier = f"_tf_keras_{at}"


def _odd_ops(graph, chance):
    for at in range(chance.choice([50, 5000, 30_000])):
        graph.graph_def.node.add(name=f"odd{at}", op=f"Odd{at}{'p' * chance.choice([1, 1, 100])}")


def _one_node_many_names(graph, chance):
    for node in graph.graph_def.node:
        node.name = chance.choice(["a", "b", "", ":", "^a", "a:0"])
        node.input.extend(chance.choices(["a", "b:1", "^b", "", ":", "a:²", "a:9999999999"], k=3))


def _long_loop(graph, chance):
    """Nodes that take each other in a ring, and a chain of thousands."""
    count = chance.choice([100, 3000, 30_000])
    op = chance.choice(["Identity", "Mul", "Enter", "Merge", "While", "AddV2"])
    for at in range(count):
        graph.graph_def.node.add(name=f"r{at}", op=op, input=[f"r{(at + 1) % count}", f"r{(at * 7) % count}"])
    for signature in graph.signature_def.values():
        for info in [*signature.inputs.values(), *signature.outputs.values()]:
            info.name = "r0:0"


def _assets(graph, chance):
    names = ["../x", "/etc/passwd", "a\0b", "a" * 5000, "\x1b[2J", "\n\n", "C:\\x", "", ".", "vocab.txt"]
    for at in range(chance.choice([1, 100, 20_000])):
        graph.asset_file_def.add(filename=f"{chance.choice(names)}{chance.choice(['', at])}")


def _versions(graph, chance):
    info = graph.meta_info_def
    info.tensorflow_version = chance.choice(
        ["", "x", "2", "2.", "9" * 5000, "2.99.1", "1.²", "2.7.4\x1b[31m", "-1.-1"]
    )
    info.tags[:] = chance.choice([[], ["serve", "serve"], ["\n" * 1000], [f"t{at}" for at in range(50_000)]])
    graph.graph_def.versions.producer = chance.choice([0, -1, 2**31 - 1])
    graph.graph_def.versions.min_consumer = chance.choice([0, -1, 2**31 - 1])
    graph.graph_def.versions.bad_consumers.extend([1] * chance.choice([1, 100_000]))


def _ragged(graph, chance):
    for signature in graph.signature_def.values():
        for info in signature.inputs.values():
            info.composite_tensor.type_spec.type_spec_class = chance.choice([2, 3, 7, 11, 12])
            for _ in range(chance.choice([0, 1, 3, 5000])):
                info.composite_tensor.components.add(name="x", dtype=chance.choice([1, 9, 500]))
            info.composite_tensor.type_spec.type_state.tuple_value.values.add().none_value.SetInParent()


CRAFTED = (
    _functions_call_each_other,
    _functions_double,
    _wild_constants,
    _wild_constants,
    _wide_signature,
    _many_signatures,
    _deep_values,
    _cyclic_objects,
    _object_flood,
    _odd_ops,
    _one_node_many_names,
    _long_loop,
    _assets,
    _versions,
    _ragged,
)


def _files(folder, chance):
    """Remove, empty, swap or replace whole files."""
    file = _any_file(folder, chance)
    if file is None:
        return "no file"
    how = chance.choice(
        ["remove", "empty", "folder", "pipe", "dangling", "loop", "swap", "png", "zip", "copy"]
    )
    content = file.read_bytes()
    if how == "swap":
        other = chance.choice(_files_in(folder))
        file.write_bytes(other.read_bytes())
        other.write_bytes(content)
    elif how == "copy":
        (folder / "saved_model.pbtxt").write_bytes(content)
        file.unlink()
    else:
        file.unlink()
        if how == "empty":
            file.touch()
        elif how == "folder":
            file.mkdir()
        elif how == "pipe":
            os.mkfifo(file)
        elif how in {"dangling", "loop"}:
            file.symlink_to("nowhere" if how == "dangling" else file.name)
        elif how in {"png", "zip"}:
            head = b"\x89PNG\r\n\x1a\n" if how == "png" else b"PK\x03\x04"
            file.write_bytes(head + chance.randbytes(chance.choice([0, 10, 5000])))
    return f"{how} {file.name}"


def _variables(folder, chance):
    """Break the files of the variables: one is missing, empty, cut, another model's or too many."""
    files = sorted((folder / "variables").glob("*")) if (folder / "variables").is_dir() else []
    if not files:
        return "no variables"
    file = chance.choice(files)
    how = chance.choice(["missing", "empty", "cut", "foreign", "shards", "all", "flip", "index"])
    if not file.is_file() or how == "missing":
        file.unlink()
    elif how == "empty":
        file.write_bytes(b"")
    elif how == "cut":
        os.truncate(file, chance.randrange(file.stat().st_size + 1))
    elif how == "foreign":
        file.write_bytes(chance.randbytes(chance.choice([1, 47, 48, 49, 4096])))
    elif how == "shards":
        file.rename(
            file.with_name(f"variables.data-0000{chance.randrange(9)}-of-{chance.choice(['00003', '99999'])}")
        )
    elif how == "all":
        shutil.rmtree(folder / "variables")
    else:
        file = file if how == "flip" else folder / "variables" / "variables.index"
        content = bytearray(file.read_bytes() if file.is_file() else b"x")
        for _ in range(chance.choice([1, 1, 5])):
            if content:
                content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        file.write_bytes(content)
    return f"{how} {file.name}"


def _keras(folder, chance):
    """Replace Keras's metadata: JSON that parses and does not fit, or does not parse."""
    wrong = chance.choice(
        [
            "",
            "[" * 100_000,
            "{" * 5000,
            '{"class_name": "Normalization", "name": [], "config": {"mean": ' + "[" * 900 + "]" * 900 + "}}",
            '{"class_name": "Lambda", "config": {"function": {"class_name": []}}}',
            '{"class_name": "Lambda", "config": {"function": {"class_name": {}}}}',
            '{"training_config": {"loss": {"a": {"b": ' + "[" * 900 + "]" * 900 + "}}}}",
            '{"training_config": {"loss": [1, null, {"class_name": [2]}, ["x"]]}, "keras_version": "²"}',
            '{"keras_version": "' + "9" * 4000 + '"}',
            '{"class_name": "\\u0000\\ud800\\u001b[31m", "name": "\\ud83d"}',
            '{"a": ' + "9" * 5000 + "}",
            '{"class_name": "Rescaling", "config": {"scale": NaN, "offset": 1e999}}',
            '{"class_name": "Rescaling", "config": {"scale": "\\ud800", "offset": [[1]]}}',
            "3",
            '{"x": "' + "y" * 5_000_000 + '"}',
        ]
    )
    times = chance.choice([1, 3, 1000]) if len(wrong) < 6000 else 1
    nodes = [{"identifier": "_tf_keras_layer"} for _ in range(times)]
    content = pb.KerasMetadata(nodes=nodes)
    metadata = wrong.encode()
    number_of_metadata = pb.KerasObject.METADATA_FIELD_NUMBER
    written = b"".join(
        field(
            pb.KerasMetadata.NODES_FIELD_NUMBER,
            each.SerializeToString() + field(number_of_metadata, metadata),
        )
        for each in content.nodes
    )
    (folder / "keras_metadata.pb").write_bytes(written)
    return f"Keras metadata {wrong[:40]!r} x {times}"


def _as_text(folder, chance):
    """Replace the model by a text form, whole, cut, or endlessly nested."""
    file = folder / "saved_model.pb"
    texts = [
        "meta_graphs { " * 5000,
        "meta_graphs { object_graph_def { nodes { function { function_spec { fullargspec { "
        + "tuple_value { values { " * 2000,
        "meta_graphs { meta_info_def { tags: '" + "\\377" * 1000 + "' } }",
        "meta_graphs { graph_def { versions { producer: 99999999999999999999 } } }",
        "meta_graphs { unknown { x: " + "[" * 5000 + " } }",
        "# only a comment\n",
        "meta_graphs { signature_def { key: 'a' value { inputs { key: 'x' value { dtype: 99 } } } } }",
        "meta_graphs { }\n" * 2000,
    ]
    text = chance.choice(texts)
    if file.is_file():
        file.unlink()
    (folder / "saved_model.pbtxt").write_text(text[: chance.choice([len(text), len(text), len(text) // 2])])
    return f"text {text[:30]!r}"


def mutant(bases, seed, folder):
    """Write the mutant of this seed into ``folder``, a new one, and return what was done to which model."""
    chance = Random(seed)
    base = chance.choice(bases)
    shutil.copytree(base, folder, copy_function=shutil.copyfile)
    return f"{base.name}: {mutate(folder, chance)}"
