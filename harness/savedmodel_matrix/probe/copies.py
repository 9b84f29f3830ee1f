"""Changed copies of a SavedModel, made from TensorFlow's own messages. The model itself is never written to.

A constant string of a graph is named by ``{"graph": number of the meta graph, "function": its name or "" for
the graph itself, "node": name, "index": int}``.
"""

import os
import shutil

from . import texts

#: What a tensor says that a loader replaces by the place of an asset.
_REPLACED = "replaced at load by assets/{}"
_EMBEDDED = b"the content of the file is in this function"
#: A message has at most 2 GB, and every load reads all of it.
_MOST_EMBEDDED = 64 << 20
_STRING = 7  # types.proto, DT_STRING
_COLLECTION = "saved_model_assets"  # saved_model/constants.py, ASSETS_KEY


def read(model):
    """Return the message in the SavedModel in the folder ``model``."""
    from tensorflow.python.saved_model import loader_impl  # no public API reads the file

    return loader_impl.parse_saved_model(model)


def copy_rest(model, folder, copy_function=shutil.copyfile):
    """Make ``folder``, with every file of ``model`` but the message and its fingerprint."""
    left_out = shutil.ignore_patterns("saved_model.pb", "saved_model.pbtxt", "fingerprint.pb")
    shutil.copytree(model, folder, ignore=left_out, copy_function=copy_function)


def linked(source, target):
    """Copy a file by a link to it, or else by its content."""
    try:
        os.symlink(os.path.abspath(source), target)
    except OSError:  # a file system or a user without links
        shutil.copyfile(source, target)


def write(message, folder):
    """Write the message of a SavedModel."""
    with open(os.path.join(folder, "saved_model.pb"), "wb") as file:
        file.write(message.SerializeToString())


def append(message, constants, ending):
    """Append ``ending`` to the constants."""
    for constant in constants:
        _tensor(message, constant).string_val[constant["index"]] += ending.encode()


def take_in(message, paths, folder):
    """Take the files at ``paths`` (``{"path", "constants"}``) into the SavedModel in ``folder``.

    A file whose path is a constant of the graph becomes an asset: the loader says where it is. Inside a
    function no loader does, so an op that reads the file whole becomes its content. Raises
    ``texts.PlainError`` for what is neither: a part of a path, one path of several, another op in a function.
    """
    for each in paths:
        path, name = each["path"], None
        if not os.path.isfile(path):
            raise texts.PlainError("{} is no file here".format(path))
        for constant in each["constants"]:
            tensor = _tensor(message, constant)
            if tensor.tensor_shape.dim or not _names(tensor, path):
                text = (
                    "{} is one path of several, or put together from parts; only a whole path can be replaced"
                )
                raise texts.PlainError(text.format(path))
            graph = message.meta_graphs[constant["graph"]]
            if constant["function"]:
                _embed(_function(graph, constant["function"]), constant["node"], path)
                tensor.string_val[0] = _EMBEDDED
            else:
                name = name or _copied(path, os.path.join(folder, "assets"))
                tensor.string_val[0] = _REPLACED.format(name).encode()
                _declare(graph, constant["node"], tensor, name)


def _names(tensor, path):
    return tensor.string_val[0].decode("utf-8", "replace") in (path, "file://" + path)


def _declare(graph, node, tensor, name):
    """Declare the constant ``node`` of a meta graph to be the place of the asset ``name``."""
    if not graph.asset_file_def and _COLLECTION in graph.collection_def:
        # TensorFlow 1: a loader that finds this field does not look at the collection.
        for packed in graph.collection_def[_COLLECTION].any_list.value:
            packed.Unpack(graph.asset_file_def.add())
    asset = graph.asset_file_def.add()
    asset.filename = name
    asset.tensor_info.name = node + ":0"
    asset.tensor_info.dtype = tensor.dtype
    asset.tensor_info.tensor_shape.SetInParent()
    for each in graph.object_graph_def.nodes:
        if each.HasField("constant") and each.constant.operation == node:
            each.asset.asset_file_def_index = len(graph.asset_file_def) - 1
            # Newer releases name a constant's class, in a field that older ones do not know.
            each.DiscardUnknownFields()
            if hasattr(each, "registered_name"):
                each.ClearField("registered_name")


def _embed(function, node, path):
    """Turn every ``ReadFile`` in ``function`` that takes the constant ``node`` into the file's content."""
    readers = [
        each
        for each in function.node_def
        if each.op == "ReadFile" and each.input and each.input[0].split(":")[0] == node
    ]
    if not readers or os.path.getsize(path) > _MOST_EMBEDDED:
        text = "{} is written inside a function ({}), where no loader replaces it"
        raise texts.PlainError(text.format(path, function.signature.name))
    with open(path, "rb") as file:
        content = file.read()
    for reader in readers:
        reader.op = "Const"
        reader.input[:] = [each for each in reader.input if each.startswith("^")]
        reader.attr.clear()
        reader.attr["dtype"].type = _STRING
        tensor = reader.attr["value"].tensor
        tensor.dtype = _STRING
        tensor.tensor_shape.SetInParent()
        tensor.string_val.append(content)
        # Inside a function a tensor has the name of the op's output.
        before, after = (reader.name + each for each in (":contents:0", ":output:0"))
        for each in function.node_def:
            each.input[:] = [after if name == before else name for name in each.input]
        for key, name in list(function.ret.items()):
            if name == before:
                function.ret[key] = after


def _function(graph, name):
    return next(each for each in graph.graph_def.library.function if each.signature.name == name)


def _tensor(message, constant):
    graph = message.meta_graphs[constant["graph"]]
    nodes = graph.graph_def.node
    if constant["function"]:
        nodes = _function(graph, constant["function"]).node_def
    return next(each for each in nodes if each.name == constant["node"]).attr["value"].tensor


def _copied(path, assets):
    """Copy a file into the folder ``assets`` under a name that is free there, and return the name."""
    if not os.path.isdir(assets):
        os.makedirs(assets)
    stem, ending = os.path.splitext(os.path.basename(path))
    name, number = stem + ending, 1
    while os.path.exists(os.path.join(assets, name)):
        number += 1
        name = "{}-{}{}".format(stem, number, ending)
    shutil.copyfile(path, os.path.join(assets, name))
    return name
