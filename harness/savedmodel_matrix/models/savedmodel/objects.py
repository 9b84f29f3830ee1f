"""The object graph of a TF 2 SavedModel: its objects, and what they need from the loader."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.reader import shape_of
from savedmodel_matrix.models.savedmodel.wire import DamagedError, Walk, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from savedmodel_matrix.models.savedmodel.reader import Shape

_GRAPH = pb.WholeMetaGraphDef.OBJECT_GRAPH_DEF_FIELD_NUMBER
_FUNCTIONS = (_GRAPH, pb.SavedObjectGraph.CONCRETE_FUNCTIONS_FIELD_NUMBER)
_KINDS = {each.number: each.name for each in pb.SavedObject.DESCRIPTOR.oneofs_by_name["kind"].fields}
_VALUE_KINDS = {
    each.number: each.name for each in pb.StructuredValue.DESCRIPTOR.oneofs_by_name["kind"].fields
}
#: TypeSpecs that are looked up by name among the registered ones.
_NAMED_SPECS = (pb.TypeSpecProto.REGISTERED_TYPE_SPEC, pb.TypeSpecProto.EXTENSION_TYPE_SPEC)
#: The depth limit of protobuf's own parsers.
_DEEPEST = 100

#: The field with the FunctionSpec of objects that are functions, by the number of their kind.
_FUNCTION_SPECS = {
    pb.SavedObject.FUNCTION_FIELD_NUMBER: pb.SavedFunction.FUNCTION_SPEC_FIELD_NUMBER,
    pb.SavedObject.BARE_CONCRETE_FUNCTION_FIELD_NUMBER: (
        pb.SavedBareConcreteFunction.FUNCTION_SPEC_FIELD_NUMBER
    ),
}
_SPEC_VALUES = (pb.FunctionSpec.FULLARGSPEC_FIELD_NUMBER, pb.FunctionSpec.INPUT_SIGNATURE_FIELD_NUMBER)
_SIGNATURE_VALUES = (
    pb.SavedConcreteFunction.CANONICALIZED_INPUT_SIGNATURE_FIELD_NUMBER,
    pb.SavedConcreteFunction.OUTPUT_SIGNATURE_FIELD_NUMBER,
)
#: The fields with the structured values inside a structured value, by the number of its kind.
_VALUES_INSIDE = {
    pb.StructuredValue.LIST_VALUE_FIELD_NUMBER: (pb.ListValue.VALUES_FIELD_NUMBER,),
    pb.StructuredValue.TUPLE_VALUE_FIELD_NUMBER: (pb.TupleValue.VALUES_FIELD_NUMBER,),
    pb.StructuredValue.DICT_VALUE_FIELD_NUMBER: (pb.DictValue.FIELDS_FIELD_NUMBER, 2),  # a map's value
    pb.StructuredValue.NAMED_TUPLE_VALUE_FIELD_NUMBER: (
        pb.NamedTupleValue.VALUES_FIELD_NUMBER,
        pb.PairValue.VALUE_FIELD_NUMBER,
    ),
    pb.StructuredValue.TYPE_SPEC_VALUE_FIELD_NUMBER: (pb.TypeSpecProto.TYPE_STATE_FIELD_NUMBER,),
}
#: Attributes that Keras 3 leaves on a model or layer and Keras 2 does not (``src/layers/layer.py``); seen in
#: models of 2.21.
_KERAS_3_CHILDREN = frozenset({"_losses_override", "_operations", "_build_shapes_dict"})
#: The attributes that ``model.export`` of either leaves on the archive, all that is left of the model.
_EXPORT_CHILD = "_misc_assets"


@dataclass(frozen=True)
class ObjectFacts:
    """The contents of an object graph.

    ``kinds`` counts the objects of each kind of SavedObject; an empty name stands for kinds that this schema
    does not know. ``registered_only`` are the names of registered classes whose objects have no kind at all:
    only the class itself can restore them. ``slots`` counts the variables that belong to an optimizer, and
    ``slot_owners`` are the identifiers of those optimizers. ``savers`` counts resources, such as mutable
    tables, with their own save and restore functions. ``value_kinds`` are the kinds of StructuredValue, and
    ``specs`` the TypeSpecs by name, in the signatures of functions.
    """

    kinds: Mapping[str, int]
    identifiers: Mapping[str, int]
    registered: Mapping[str, int]
    registered_only: frozenset[str]
    slots: int
    slot_owners: frozenset[str]
    savers: int
    value_kinds: frozenset[str]
    specs: frozenset[str]
    keras_3: bool
    exported: bool
    root: str
    """The identifier of the root object; empty if it has none."""
    keras_metadata: tuple[tuple[str, bytes], ...]
    """Identifier and JSON of each object that Keras wrote; after 2.4 the JSON is empty."""
    variables: Mapping[Shape, int] = field(default_factory=dict)
    """How many variables of each shape, if it is fully known, it has."""


@dataclass
class _Found:
    kinds: Counter[str] = field(default_factory=Counter)
    identifiers: Counter[str] = field(default_factory=Counter)
    registered: Counter[str] = field(default_factory=Counter)
    registered_only: set[str] = field(default_factory=set)
    slots: int = 0
    savers: int = 0
    slot_owners: set[str] = field(default_factory=set)
    value_kinds: set[str] = field(default_factory=set)
    specs: set[str] = field(default_factory=set)
    children: set[str] = field(default_factory=set)
    metadata: list[tuple[str, bytes]] = field(default_factory=list)
    variables: Counter[Shape] = field(default_factory=Counter)
    root: str | None = None


def read_objects(walk: Walk, meta_graph: memoryview) -> ObjectFacts | None:
    """Return the facts of the object graph in the bytes of a MetaGraphDef; None if it has none."""
    if next(walk.inside(meta_graph, _GRAPH), None) is None:
        return None
    found = _Found()
    for node in walk.inside(meta_graph, _GRAPH, pb.SavedObjectGraph.NODES_FIELD_NUMBER):
        _add(walk, node, found)
    for _, function in walk.entries(meta_graph, *_FUNCTIONS):
        _add_values(walk, function, _SIGNATURE_VALUES, found)
    return ObjectFacts(
        kinds=dict(sorted(found.kinds.items())),
        identifiers=dict(sorted(found.identifiers.items())),
        registered=dict(sorted(found.registered.items())),
        registered_only=frozenset(found.registered_only),
        slots=found.slots,
        savers=found.savers,
        slot_owners=frozenset(found.slot_owners),
        value_kinds=frozenset(found.value_kinds),
        specs=frozenset(found.specs),
        keras_3=len(found.children & _KERAS_3_CHILDREN) > 0,
        exported=_EXPORT_CHILD in found.children,
        root=found.root or "",
        keras_metadata=tuple(found.metadata),
        variables=dict(found.variables),
    )


def _add(walk: Walk, node: memoryview, found: _Found) -> None:
    kind, identifier, registered = "", "", ""
    counts: Counter[int] = Counter()
    for number, value, _ in walk.fields(node):
        if not isinstance(value, memoryview):
            continue
        counts[number] += 1
        kind = _KINDS.get(number, kind)
        if number == pb.SavedObject.USER_OBJECT_FIELD_NUMBER:
            identifier = _user_object(walk, value, found)
        elif number == pb.SavedObject.CHILDREN_FIELD_NUMBER:
            found.children.update(
                each
                for each in map(text, walk.inside(value, pb.ObjectReference.LOCAL_NAME_FIELD_NUMBER))
                if each in _KERAS_3_CHILDREN or each == _EXPORT_CHILD
            )
        elif number == pb.SavedObject.VARIABLE_FIELD_NUMBER:
            found.variables.update(_whole_shape(walk, value))
        elif number == pb.SavedObject.REGISTERED_NAME_FIELD_NUMBER:
            registered = text(value)
        elif number in _FUNCTION_SPECS:
            for spec in walk.inside(value, _FUNCTION_SPECS[number]):
                _add_values(walk, spec, _SPEC_VALUES, found)
    if found.root is None:  # the first object is the root
        found.root = identifier
    found.kinds[kind] += 1
    found.savers += kind == "resource" and counts[pb.SavedObject.SAVEABLE_OBJECTS_FIELD_NUMBER] > 0
    if registered:
        found.registered[registered] += 1
        if not kind:
            found.registered_only.add(registered)
    slots = counts[pb.SavedObject.SLOT_VARIABLES_FIELD_NUMBER]
    if slots:
        found.slots += slots
        found.slot_owners.add(identifier)


def _whole_shape(walk: Walk, variable: memoryview) -> Iterator[Shape]:
    """Yield the shape of a variable if it is fully known."""
    shape = shape_of(walk.parse(pb.SavedVariable, variable).shape)
    if shape is not None and None not in shape:
        yield shape


def _user_object(walk: Walk, content: memoryview, found: _Found) -> str:
    identifier, metadata = walk.described(
        content, pb.SavedUserObject.IDENTIFIER_FIELD_NUMBER, pb.SavedUserObject.METADATA_FIELD_NUMBER
    )
    found.identifiers[identifier] += 1
    if identifier.startswith("_tf_keras_"):
        found.metadata.append((identifier, metadata))
    return identifier


def _add_values(walk: Walk, view: memoryview, numbers: tuple[int, ...], found: _Found) -> None:
    for number, value, _ in walk.fields(view):
        if number in numbers and isinstance(value, memoryview):
            _add_value(walk, value, found)


def _add_value(walk: Walk, content: memoryview, found: _Found, depth: int = 0) -> None:
    """Record the kinds of a structured value and of all values in it."""
    if depth > _DEEPEST:
        raise DamagedError("endlessly nested values")
    for number, value, _ in walk.fields(content):
        found.value_kinds.add(_VALUE_KINDS.get(number, f"kind {number}"))
        if number not in _VALUES_INSIDE or not isinstance(value, memoryview):
            continue
        if number == pb.StructuredValue.TYPE_SPEC_VALUE_FIELD_NUMBER:
            parts = {each: part for each, part, _ in walk.fields(value)}
            name = parts.get(pb.TypeSpecProto.TYPE_SPEC_CLASS_NAME_FIELD_NUMBER)
            if parts.get(pb.TypeSpecProto.TYPE_SPEC_CLASS_FIELD_NUMBER) in _NAMED_SPECS:
                found.specs.add(text(name) if isinstance(name, memoryview) else "")
        for inner in walk.inside(value, *_VALUES_INSIDE[number]):
            _add_value(walk, inner, found, depth + 1)
