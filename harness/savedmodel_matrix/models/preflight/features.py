"""A model's features, as the knowledge base names them (``savedmodel_matrix.knowledge.causes``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.models.preflight.predict import knowledge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.models.savedmodel.facts import MetaGraphFacts, ModelFacts

_REFERENCES = {"Variable", "VariableV2"}


def features_of(facts: ModelFacts) -> frozenset[str]:
    """Return the features of a model that can confirm causes."""
    return frozenset(_features(facts))


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
