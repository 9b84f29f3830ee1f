"""The graph of one signature: what leads to its outputs, and which of its tensors the inputs are."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.facts import assets_by_node, content_of, meta_graphs_in
from savedmodel_matrix.models.savedmodel.flow import Flow, tensor_of
from savedmodel_matrix.models.savedmodel.functions import read_functions
from savedmodel_matrix.models.savedmodel.known_shape import declared_shape
from savedmodel_matrix.models.savedmodel.op_outputs import parsed_counts
from savedmodel_matrix.models.savedmodel.reader import Kind, damaged, dtype_name, model_file, signature_of
from savedmodel_matrix.models.savedmodel.shapes import Shapes
from savedmodel_matrix.models.savedmodel.sparse_inputs import found_together
from savedmodel_matrix.models.savedmodel.wire import DamagedError, Walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from savedmodel_matrix.models.savedmodel.flow import Tensor
    from savedmodel_matrix.models.savedmodel.reader import Shape, Signature
    from savedmodel_matrix.models.savedmodel.sparse_inputs import Together

#: The attribute with the element type of an op's output, for ops that are mostly fed.
_TYPED = {
    **dict.fromkeys(("Placeholder", "PlaceholderV2", "PlaceholderWithDefault"), "dtype"),
    **dict.fromkeys(("Identity", "Reshape", "ExpandDims", "Squeeze"), "T"),
}
_SIGNATURES = pb.WholeMetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER


@dataclass(frozen=True)
class SignatureGraph:
    """A signature with its graph.

    ``values`` are the tensors that hold each input's values, by its name. ``assets`` are the files' names
    below ``assets/``, by the node that holds the path.
    """

    signature: Signature
    flow: Flow
    values: Mapping[str, Tensor]
    assets: Mapping[str, str]


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raise UnreadableModelError for a graph of the model in ``path`` that cannot be read."""
    try:
        yield
    except (DamagedError, DecodeError, ValueError) as error:
        raise damaged(model_file(path), error) from error


def graph_of(path: Path, name: str) -> SignatureGraph | None:
    """Return the graph of the first signature of this name; None if there is none.

    Raises UnreadableModelError for a folder without a model, and what ``readable`` explains.
    """
    walk = Walk()
    for view in meta_graphs_in(walk, content_of(model_file(path))):
        found = next((each for key, each in walk.entries(view, _SIGNATURES) if key == name), None)
        if found is None:
            continue
        message = walk.parse(pb.SignatureDef, found)
        signature = read_functions(walk, view).put_together(name, signature_of(message))
        flow = Flow(walk, view, [info.name for info in message.outputs.values() if info.name])
        return SignatureGraph(
            signature, flow, dict(_values(message, signature)), dict(assets_by_node(walk, view))
        )
    return None


def _values(message: pb.SignatureDef, signature: Signature) -> Iterator[tuple[str, Tensor]]:
    for name, spec in signature.inputs.items():
        # The parts of a sparse tensor are its indices, values and shape; of a ragged one its values first.
        values = 1 if spec.parts and "indices" in spec.components else 0
        info = message.inputs[spec.parts[values] if spec.parts else name]
        tensor = info.coo_sparse.values_tensor_name or info.name
        if info.HasField("composite_tensor") and info.composite_tensor.components:
            tensor = info.composite_tensor.components[0].name
        if tensor:
            yield name, tensor_of(tensor)


def together_of(path: Path, name: str) -> list[Together]:
    """Return which dense inputs of a signature its graph puts together into sparse or ragged tensors.

    Raises UnreadableModelError.
    """
    with readable(path):
        graph = graph_of(path, name)
        if graph is None:
            return []
        dense = [each for each, spec in graph.signature.inputs.items() if spec.kind is Kind.DENSE]
        return found_together(
            graph.flow, {graph.values[each][0]: each for each in dense if each in graph.values}
        )


def same_tensors(path: Path, name: str) -> dict[str, str]:
    """Return, by name, the first of the inputs that are the same tensor of a signature's graph.

    They must be given the same values. Inputs with a tensor of their own are left out. Raises
    UnreadableModelError.
    """
    with readable(path):
        graph = graph_of(path, name)
    first: dict[Tensor, str] = {}
    found = {}
    for each, tensor in sorted(graph.values.items()) if graph is not None else ():
        if first.setdefault(tensor, each) != each:
            found[each] = first[tensor]
    return found


def as_taken(path: Path, name: str, signature: Signature) -> Signature:
    """Return a signature with the element types that its graph takes, where it states others.

    Raises UnreadableModelError.
    """
    with readable(path):
        graph = graph_of(path, name)
    inputs = dict(signature.inputs)
    for each, spec in inputs.items():
        dtype = None if graph is None else element_type_of(graph, each)
        if dtype is not None and spec.kind is not Kind.OTHER:
            inputs[each] = replace(spec, dtype=dtype)
    return replace(signature, inputs=inputs)


def element_type_of(graph: SignatureGraph, name: str) -> str | None:
    """Return the element type of the tensor that holds the values of an input; None if that is unknown."""
    tensor, number = graph.values.get(name, ("", 0))
    node = graph.flow.graph.body.nodes.get(tensor)
    if node is None:
        return None
    if node.op in _TYPED and _TYPED[node.op] in node.attr:
        return dtype_name(node.attr[_TYPED[node.op]].type)
    counts = parsed_counts(node)
    at = number - 3 * counts.get("sparse_values", 0)
    dense = list(node.attr["Tdense"].list.type) if counts else []
    return dtype_name(dense[at]) if 0 <= at < len(dense) else None


class FittingShapes:
    """Which shapes of its dense inputs a signature's graph takes."""

    def __init__(self, path: Path, signature: str) -> None:
        """Raise UnreadableModelError for a model that cannot be read."""
        self._path = path
        with readable(path):
            self._graph = graph_of(path, signature)
        self._shapes = None if self._graph is None else Shapes(self._graph.flow)

    def declared(self, name: str) -> Shape | None:
        """Return the shape of an input in the graph itself, which a signature may state wrongly."""
        if self._graph is None or name not in self._graph.values:
            return None
        node = self._graph.flow.graph.body.nodes.get(self._graph.values[name][0])
        return None if node is None else declared_shape(node)

    def element_type(self, name: str) -> str | None:
        """Return the element type of an input in the graph itself, which a signature may state wrongly."""
        return None if self._graph is None else element_type_of(self._graph, name)

    def misfit(self, shapes: Mapping[str, Shape | None], *, useful: bool = False) -> str | None:
        """Return why the graph does not take inputs of these shapes; None if nothing known is against it.

        An unknown size, and an input that is not named, fits everything. See ``Shapes.misfit``.
        """
        if self._graph is None or self._shapes is None:
            return None
        inputs, values = self._graph.signature.inputs, self._graph.values
        given = {
            values[name]: shape
            for name, shape in shapes.items()
            if name in values and inputs[name].kind is Kind.DENSE
        }
        with readable(self._path):
            return self._shapes.misfit(given, useful=useful)
