"""A model's features, as the knowledge base names them (``savedmodel_matrix.knowledge.causes``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.knowledge.causes.base import ENDPOINT, TAKES
from savedmodel_matrix.models.preflight.layer_rules import named_inputs
from savedmodel_matrix.models.preflight.predict import knowledge
from savedmodel_matrix.models.savedmodel.endpoints import at_once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.models.savedmodel.facts import MetaGraphFacts, ModelFacts

_REFERENCES = {"Variable", "VariableV2"}


def features_of(facts: ModelFacts) -> frozenset[str]:
    """Return the features of a model that can confirm causes."""
    return frozenset(_features(facts))


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
    known, graph, keras = knowledge(), facts.main, facts.keras
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
    if keras is not None:
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
