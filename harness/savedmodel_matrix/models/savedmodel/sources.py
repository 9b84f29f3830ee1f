"""What reaches each output of each signature: random ops, and anything that changes from run to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import DecodeError

from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.behaviour import traits_of
from savedmodel_matrix.models.savedmodel.facts import content_of, meta_graphs_in, tensors_of
from savedmodel_matrix.models.savedmodel.randomness import Body, Node, Origins, Source
from savedmodel_matrix.models.savedmodel.reach import node_of
from savedmodel_matrix.models.savedmodel.reader import RESERVED_SIGNATURES, damaged, model_file
from savedmodel_matrix.models.savedmodel.wire import DamagedError, Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.trait import Trait

T = TypeVar("T")

_GRAPH = pb.WholeMetaGraphDef.GRAPH_DEF_FIELD_NUMBER
_NODES = (_GRAPH, pb.WholeGraphDef.NODE_FIELD_NUMBER)
_FUNCTIONS = (
    _GRAPH,
    pb.WholeGraphDef.LIBRARY_FIELD_NUMBER,
    pb.FunctionDefLibrary.FUNCTION_FIELD_NUMBER,
)
_SIGNATURES = pb.WholeMetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER
_INFO = pb.WholeMetaGraphDef.META_INFO_DEF_FIELD_NUMBER


@dataclass(frozen=True)
class GraphSources:
    """One graph of a model: what reaches each output, by signature; outputs with no source are included."""

    tags: tuple[str, ...]
    signatures: Mapping[str, Mapping[str, tuple[Source, ...]]]


@dataclass(frozen=True)
class GraphTraits:
    """One graph of a model: what a check of session behaviour may see, by signature and output."""

    tags: tuple[str, ...]
    signatures: Mapping[str, Mapping[str, tuple[Trait, ...]]]


def read_sources(path: Path) -> tuple[GraphSources, ...]:
    """Return the sources that reach the outputs of the model in the directory ``path``.

    Raises UnreadableModelError, which names the file, also for a graph that is too entangled to walk.
    """
    return _each_graph(
        path,
        lambda graph: GraphSources(
            graph.tags,
            {
                name: {key: graph.origins.of(tensors) for key, tensors in outputs.items()}
                for name, outputs in graph.outputs.items()
            },
        ),
    )


def read_traits(path: Path) -> tuple[GraphTraits, ...]:
    """Return the traits of the model in the directory ``path``. Raises like ``read_sources``."""
    return _each_graph(
        path, lambda graph: GraphTraits(graph.tags, traits_of(graph.origins, graph.outputs, graph.fed))
    )


@dataclass(frozen=True)
class _Graph:
    """A graph to walk: the tensors of each output, and the nodes that each signature's inputs feed."""

    tags: tuple[str, ...]
    origins: Origins
    outputs: Mapping[str, Mapping[str, Sequence[str]]]
    fed: Mapping[str, Collection[str]]


def _each_graph(path: Path, ask: Callable[[_Graph], T]) -> tuple[T, ...]:
    file = model_file(path)
    walk = Walk()
    try:
        return tuple(ask(_graph(walk, view)) for view in meta_graphs_in(walk, content_of(file)))
    except (DamagedError, DecodeError, ValueError) as error:
        raise damaged(file, error) from error


def _graph(walk: Walk, view: memoryview) -> _Graph:
    graph = Body()
    for each in walk.inside(view, *_NODES):
        node = Node.of(walk.parse(pb.NodeDef, each))
        graph.nodes[node.name] = node
    origins = Origins(graph, dict(_function(walk, each) for each in walk.inside(view, *_FUNCTIONS)))
    outputs: dict[str, dict[str, list[str]]] = {}
    fed: dict[str, set[str]] = {}
    for name, each in sorted(walk.entries(view, _SIGNATURES), key=lambda entry: entry[0]):
        if name not in RESERVED_SIGNATURES:
            signature = walk.parse(pb.SignatureDef, each)
            outputs[name] = {
                key: list(tensors_of({key: info})) for key, info in sorted(signature.outputs.items())
            }
            fed[name] = {node_of(tensor) for tensor in tensors_of(signature.inputs)}
    tags: list[str] = []
    for each in walk.inside(view, _INFO):
        tags += walk.parse(pb.WholeMetaInfoDef, each, pb.WholeMetaInfoDef.STRIPPED_OP_LIST_FIELD_NUMBER).tags
    return _Graph(tuple(tags), origins, outputs, fed)


def _function(walk: Walk, view: memoryview) -> tuple[str, Body]:
    signature, body = pb.OpDef(), Body()
    returned: dict[str, str] = {}
    for number, value, whole in walk.fields(view):
        if not isinstance(value, memoryview):
            continue
        if number == pb.FunctionDef.SIGNATURE_FIELD_NUMBER:
            signature = walk.parse(pb.OpDef, value)
        elif number == pb.FunctionDef.NODE_DEF_FIELD_NUMBER:
            node = Node.of(walk.parse(pb.NodeDef, value))
            body.nodes[node.name] = node
        elif number == pb.FunctionDef.RET_FIELD_NUMBER:
            returned.update(walk.parse(pb.FunctionDef, whole).ret)
    body.arguments = tuple(each.name for each in signature.input_arg)
    body.returned = {each.name: returned.get(each.name, "") for each in signature.output_arg}
    return signature.name, body
