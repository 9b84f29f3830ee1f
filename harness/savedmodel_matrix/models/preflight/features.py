"""A model's features, as the knowledge base names them (``savedmodel_matrix.knowledge.causes``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.knowledge.causes.base import ENDPOINT, TAKES
from savedmodel_matrix.models.preflight.layer_rules import named_inputs
from savedmodel_matrix.models.preflight.predict import knowledge
from savedmodel_matrix.models.savedmodel.endpoints import at_once, has_own_inputs
from savedmodel_matrix.models.savedmodel.mistaken import PAGE, POINTER, replaced_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from savedmodel_matrix.models.savedmodel.facts import MetaGraphFacts, ModelFacts
    from savedmodel_matrix.models.savedmodel.keras import KerasFacts

_REFERENCES = {"Variable", "VariableV2"}


def features_of(facts: ModelFacts) -> frozenset[str]:
    """Return the features of a model that can confirm causes."""
    return frozenset(_features(facts))


def features_of_files(folder: Path) -> frozenset[str]:
    """Return the features that the files of a model show, also where its graph cannot be read."""
    kinds = {POINTER: "pointer-files", PAGE: "web-pages"}
    return frozenset(kinds[kind] for _, kind in replaced_files(folder))


def told_of(facts: ModelFacts, signature: str) -> dict[str, str]:
    """Return what fills in braces of causes: of a signature, or of the only one if there is no such."""
    signatures = facts.main.signatures
    if signature not in signatures and len(signatures) == 1:
        (signature,) = signatures
    if (called := signatures.get(signature)) is None:
        return {}
    told = {TAKES: named_inputs(called)}
    other = at_once(facts.main.endpoints, called)
    if other is not None or len(called.inputs) == 1:
        told[ENDPOINT] = other or signature
    return told


def _features(facts: ModelFacts) -> Iterator[str]:
    graph, keras = facts.main, facts.keras
    for op in graph.graph.ops:
        yield f"op:{op}"
    if not _REFERENCES.isdisjoint(graph.graph.ops):
        yield "reference-variables"
    if any(signature.defaults for signature in graph.signatures.values()):
        yield "signature-defaults"
    if graph.collections.get("table_initializer") and graph.init_op is None:
        yield "tables-without-main-op"
    if graph.graph.outside:
        yield "files-outside"
    if any(graph.graph.bfloat16.values()):
        yield "bfloat16"
    if graph.objects is None:
        yield "v1"
        yield from _without_value(graph)
    elif graph.objects.slots:
        yield "optimizer-slots"
    default = graph.signatures.get("serving_default")
    if default is not None and has_own_inputs(graph.functions.functions, default):
        yield "own-signature"
    if keras is not None:
        yield from _of_keras(keras)


def _of_keras(keras: KerasFacts) -> Iterator[str]:
    known = knowledge()
    if keras.compiled:
        yield "compiled"
    if keras.lambdas:
        yield "lambda-bytecode"
    if any(each.needs_class and not known.is_keras_class(each.class_name) for each in keras.objects):
        yield "custom-objects"


def _without_value(graph: MetaGraphFacts) -> Iterator[str]:
    if graph.graph.unfilled:
        yield "tables-left-out"
    if graph.late_assets:
        yield "assets-read-late"
    if graph.graph.unassigned:
        yield "variables-without-value"
