"""Everything in a SavedModel's files that matters for loading it, read without TensorFlow.

``reader.py`` reads what a run needs: tags and signatures. This module reads what decides whether it can run.
"""

from __future__ import annotations

import mmap
import os
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.endpoints import endpoints_of
from savedmodel_matrix.models.savedmodel.functions import FunctionFacts, read_functions
from savedmodel_matrix.models.savedmodel.graph import GraphFacts, read_graph
from savedmodel_matrix.models.savedmodel.keras import METADATA, KerasFacts, read_keras
from savedmodel_matrix.models.savedmodel.model_files import FileFacts, read_files, read_small
from savedmodel_matrix.models.savedmodel.objects import ObjectFacts, read_objects
from savedmodel_matrix.models.savedmodel.reach import node_of
from savedmodel_matrix.models.savedmodel.reader import (
    RESERVED_SIGNATURES,
    Signature,
    check_size,
    damaged,
    model_file,
    no_graph,
    parse_file,
    signature_of,
)
from savedmodel_matrix.models.savedmodel.wire import DamagedError, Walk, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from savedmodel_matrix.models.savedmodel.endpoints import Endpoint
    from savedmodel_matrix.models.savedmodel.outside import OutsidePath

    _Collections = Mapping[str, tuple[list[memoryview], int]]

#: The largest seen, of EfficientNetB7, has 4 MB.
_LARGEST_METADATA = 256 << 20
#: Text that holds only structure is read at 0.5 MB/s.
_LARGEST_TEXT = 2 << 20
_MOST_META_GRAPHS = 1000
_LONGEST_VERSION = 100
#: How many entries of a collection, such as assets, are read.
_MOST_ENTRIES = 10_000
#: saved_model/constants.py: the signature for an initialisation op, and the collections that name one.
_INIT_SIGNATURE = RESERVED_SIGNATURES[0]
_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")

_COLLECTIONS = pb.WholeMetaGraphDef.COLLECTION_DEF_FIELD_NUMBER
_SIGNATURES = pb.WholeMetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER
_ASSETS = pb.WholeMetaGraphDef.ASSET_FILE_DEF_FIELD_NUMBER
_INFO = pb.WholeMetaGraphDef.META_INFO_DEF_FIELD_NUMBER
_OPS = pb.WholeMetaInfoDef.STRIPPED_OP_LIST_FIELD_NUMBER
_SAVER = pb.WholeMetaGraphDef.SAVER_DEF_FIELD_NUMBER
_RESTORE = (_SAVER, pb.SaverDef.RESTORE_OP_NAME_FIELD_NUMBER)
_CHECKPOINT = (_SAVER, pb.SaverDef.FILENAME_TENSOR_NAME_FIELD_NUMBER)


@dataclass(frozen=True)
class MetaGraphFacts:
    """One graph of a model, and its contents.

    ``collections`` counts the entries of each collection. ``init_op`` is what a v1 session runs after
    restoring. ``restore_op`` fills the variables. ``repeated_inputs`` lists, by signature, tensors that serve
    as several of its inputs. ``fed`` are the nodes that are inputs of a signature.
    """

    tags: tuple[str, ...]
    tensorflow_version: str
    signatures: Mapping[str, Signature]
    graph: GraphFacts
    objects: ObjectFacts | None
    collections: Mapping[str, int]
    init_op: str | None
    restore_op: str | None
    repeated_inputs: Mapping[str, tuple[str, ...]]
    fed: frozenset[str]
    assets: tuple[str, ...]
    functions: FunctionFacts = field(default_factory=FunctionFacts)
    """What can be called besides the signatures, whose inputs are put together by it."""
    late_assets: tuple[str, ...] = ()
    """Assets that a signature itself reads, not only the ops that run at load."""
    endpoints: tuple[Endpoint, ...] = ()
    """The functions of the root object."""


@dataclass(frozen=True)
class ModelFacts:
    """All facts about a model. ``keras`` is None if the model does not come from Keras."""

    meta_graphs: tuple[MetaGraphFacts, ...]
    keras: KerasFacts | None
    files: FileFacts
    as_text: bool = False
    damaged_metadata: str = ""
    """What is wrong with Keras's metadata, which only ``load_model`` of Keras 2 reads."""

    @property
    def main(self) -> MetaGraphFacts:
        """The graph that is loaded by default: the one tagged ``serve``, or the first."""
        return next((each for each in self.meta_graphs if each.tags == ("serve",)), self.meta_graphs[0])

    @property
    def outside(self) -> tuple[OutsidePath, ...]:
        """The paths outside the model that any of its graphs reads."""
        return tuple(dict.fromkeys(each for graph in self.meta_graphs for each in graph.graph.outside))

    @property
    def has_objects(self) -> bool:
        """Whether TensorFlow 2 loads the model as objects: one meta graph, with an object graph."""
        return len(self.meta_graphs) == 1 and self.meta_graphs[0].objects is not None


def read_facts(path: Path) -> ModelFacts:
    """Return the facts in the files of the SavedModel in the directory ``path``.

    Raises ``UnreadableModelError``, which names the file, whatever is wrong with them.
    """
    file = model_file(path)
    walk = Walk()
    try:
        content = content_of(file)
        graphs = tuple(_meta_graph(walk, view) for view in meta_graphs_in(walk, content))
    except (DamagedError, DecodeError, ValueError) as error:
        raise damaged(file, error) from error
    if not graphs:
        raise no_graph(file)
    keras, damaged_metadata = _keras(walk, path, graphs)
    return ModelFacts(
        meta_graphs=graphs,
        keras=keras,
        damaged_metadata=damaged_metadata,
        files=read_files(path, [name for graph in graphs for name in graph.assets]),
        as_text=file.suffix == ".pbtxt",
    )


def content_of(file: Path) -> memoryview:
    """Return the binary form of the model; a binary file is not read into memory."""
    size = check_size(file)
    if file.suffix == ".pbtxt":
        if size > _LARGEST_TEXT:
            raise UnreadableModelError(f"{file}: {size} bytes of text; at most {_LARGEST_TEXT} are read")
        return memoryview(_binary_form(file, _identity(file)))
    if size == 0:  # an empty file cannot be mapped
        return memoryview(b"")
    try:
        with file.open("rb") as stream:
            return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise UnreadableModelError(f"{file}: {error.strerror}") from error


@lru_cache(maxsize=1)  # parsing text takes seconds, and a model is read for several questions
def _binary_form(file: Path, _: tuple[int, int, int]) -> bytes:
    return parse_file(file, pb.WholeSavedModel).SerializeToString()


def _identity(file: Path) -> tuple[int, int, int]:
    """Return what changes when a file's content does."""
    facts = file.stat()
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def meta_graphs_in(walk: Walk, content: memoryview) -> list[memoryview]:
    """Return the bytes of every MetaGraphDef in the binary form of a model."""
    found = walk.inside(content, pb.WholeSavedModel.META_GRAPHS_FIELD_NUMBER)
    views = list(islice(found, _MOST_META_GRAPHS + 1))
    if len(views) > _MOST_META_GRAPHS:
        raise DamagedError(f"more than {_MOST_META_GRAPHS} meta graphs")
    return views


def _meta_graph(walk: Walk, view: memoryview) -> MetaGraphFacts:
    signatures: dict[str, pb.SignatureDef] = {
        name: walk.parse(pb.SignatureDef, each) for name, each in walk.entries(view, _SIGNATURES)
    }
    own = {name: each for name, each in sorted(signatures.items()) if name not in RESERVED_SIGNATURES}
    fed = {name: list(tensors_of(each.inputs)) for name, each in own.items()}
    outputs = {name: {node_of(tensor) for tensor in tensors_of(each.outputs)} for name, each in own.items()}
    fetched = set().union(*outputs.values())
    restore_op = next(map(text, walk.inside(view, *_RESTORE)), "") or None
    info = pb.WholeMetaInfoDef()
    for each in walk.inside(view, _INFO):
        info.MergeFrom(walk.parse(pb.WholeMetaInfoDef, each, without=_OPS))
    collections = dict(_collections(walk, view))
    init_op = _init_op(signatures, collections)
    initialisers = [text(each) for each in collections.get("table_initializer", ([], 0))[0]]
    assets = list(_assets(walk, view, collections))
    constants = {node_of(each.tensor_info.name) for each in assets}
    nodes_fed = frozenset(node_of(tensor) for tensors in fed.values() for tensor in tensors)
    given = {*nodes_fed, *constants, *(node_of(text(each)) for each in walk.inside(view, *_CHECKPOINT))}
    functions = read_functions(walk, view)
    # Without a signature, what can be called are the functions.
    called = {each.name: [trace.concrete for trace in each.traces] for each in functions.functions if not own}
    graph = read_graph(
        walk, view, fetched, init_op, restore_op, initialisers, constants, given, called, outputs
    )
    return MetaGraphFacts(
        tags=tuple(info.tags),
        tensorflow_version=info.tensorflow_version[:_LONGEST_VERSION],
        signatures={name: functions.put_together(name, signature_of(each)) for name, each in own.items()},
        graph=graph,
        objects=read_objects(walk, view),
        endpoints=endpoints_of(functions),
        collections={name: count for name, (_, count) in sorted(collections.items())},
        init_op=init_op,
        restore_op=restore_op,
        repeated_inputs={
            name: repeated
            for name, tensors in fed.items()
            if (repeated := tuple(tensor for tensor, count in sorted(Counter(tensors).items()) if count > 1))
        },
        fed=nodes_fed,
        functions=functions,
        assets=tuple(each.filename for each in assets),
        late_assets=tuple(
            each.filename for each in assets if node_of(each.tensor_info.name) in graph.read_late
        ),
    )


def tensors_of(infos: Mapping[str, pb.TensorInfo]) -> Iterator[str]:
    """Yield the name of every tensor in the inputs or outputs of a signature."""
    for _, info in sorted(infos.items()):
        if info.HasField("composite_tensor"):
            yield from (part.name for part in info.composite_tensor.components)
        elif info.HasField("coo_sparse"):
            sparse = info.coo_sparse
            yield from (sparse.indices_tensor_name, sparse.values_tensor_name, sparse.dense_shape_tensor_name)
        else:
            yield info.name


def _collections(walk: Walk, view: memoryview) -> Iterator[tuple[str, tuple[list[memoryview], int]]]:
    """Yield each collection's name, first entries and number of entries (a list of numbers counts as one)."""
    for name, collection in walk.entries(view, _COLLECTIONS):
        kept: list[memoryview] = []
        count = 0
        for _, values, _ in walk.fields(collection):
            for entry in walk.inside(values, 1) if isinstance(values, memoryview) else ():
                count += 1
                if count <= _MOST_ENTRIES:
                    kept.append(entry)
        yield name, (kept, count)


def _init_op(signatures: Mapping[str, pb.SignatureDef], collections: _Collections) -> str | None:
    """Return the op that the v1 loader runs once variables are restored (saved_model/loader_impl.py)."""
    if _INIT_SIGNATURE in signatures:
        return next(tensors_of(signatures[_INIT_SIGNATURE].outputs), None)
    for name in _INIT_COLLECTIONS:
        if name in collections and collections[name][0]:
            return text(collections[name][0][0])
    return None


def _assets(walk: Walk, view: memoryview, collections: _Collections) -> Iterator[pb.AssetFileDef]:
    """Yield each asset's message: TF 2 has a field of its own, TF 1 a collection of packed messages."""
    for each in walk.inside(view, _ASSETS):
        yield walk.parse(pb.AssetFileDef, each)
    for packed in collections.get("saved_model_assets", ([], 0))[0]:
        for each in walk.inside(packed, 2):  # Any.value
            yield walk.parse(pb.AssetFileDef, each)


def assets_by_node(walk: Walk, view: memoryview) -> dict[str, str]:
    """Return the name of each asset's file, by the node that holds its path."""
    collections = dict(_collections(walk, view))
    return {node_of(each.tensor_info.name): each.filename for each in _assets(walk, view, collections)}


def _keras(walk: Walk, path: Path, graphs: tuple[MetaGraphFacts, ...]) -> tuple[KerasFacts | None, str]:
    """Return what Keras wrote, and what is wrong with its metadata: a sentence, "" if nothing is."""
    file = path / METADATA
    try:
        content = read_small(file, _LARGEST_METADATA) or None  # an empty file says no more than none
    except UnreadableModelError as error:
        return _by_keras(graphs), _within(path, error)
    in_graph = objects.keras_metadata if (objects := _objects(graphs)) else ()
    if content is None and not in_graph:
        return _by_keras(graphs), ""
    try:
        return read_keras(walk, memoryview(content) if content is not None else None, in_graph), ""
    except (DamagedError, ValueError) as error:
        return _by_keras(graphs), _within(path, damaged(file if content is not None else path, error))


def _within(path: Path, error: UnreadableModelError) -> str:
    """Return an error without the model's own path, which a report does not show."""
    return (
        str(error).replace(f"{path}{os.sep}", "").replace(f"{path}:", "Keras's metadata in the object graph:")
    )


def _objects(graphs: tuple[MetaGraphFacts, ...]) -> ObjectFacts | None:
    return next((graph.objects for graph in graphs if graph.objects is not None), None)


def _by_keras(graphs: tuple[MetaGraphFacts, ...]) -> KerasFacts | None:
    """Return what is known without metadata."""
    objects = _objects(graphs)
    if objects is None or not (objects.keras_3 or objects.exported):
        return None
    return KerasFacts(major=3 if objects.keras_3 else None, version=None)
