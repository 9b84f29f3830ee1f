"""The prediction: from a model's facts and an environment to ``loads``, ``needs`` or ``fails``.

Pure: no TensorFlow, no environment, nothing installed. If no rule finds a problem, the model is predicted to
load. The confidence follows TensorFlow's own promise: a SavedModel loads in every later minor of the same
major (tensorflow.org/guide/versions). TensorFlow promises nothing about earlier minors.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.knowledge.ops import Knowledge, minor_of, order
from savedmodel_matrix.models.preflight import (
    call_rules,
    keras_rules,
    layer_rules,
    op_rules,
    precision_rules,
    rules,
    v1_rules,
)
from savedmodel_matrix.models.preflight.prediction import (
    Confidence,
    Finding,
    Prediction,
    Target,
    conclude,
    some,
)
from savedmodel_matrix.models.preflight.question import Question
from savedmodel_matrix.models.preflight.self_contained import is_required, not_self_contained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.models.savedmodel.facts import MetaGraphFacts, ModelFacts

_KERAS_LOADERS = (Loader.KERAS, Loader.TF_KERAS, Loader.TFSM_LAYER)


@cache
def knowledge() -> Knowledge:
    """Return the data that ships with the project, read once."""
    return Knowledge()


def predict(facts: ModelFacts, target: Target, known: Knowledge | None = None) -> Prediction:
    """Return the prediction for the model in the target.

    Raises ValueError if the target's TensorFlow is not a version.
    """
    known = known or knowledge()
    minor, covered = known.known_minor(target.tensorflow)
    graph = _graph(facts, target)
    asked = Question(facts, graph, target, minor, known)
    always = (*rules.RULES, *call_rules.RULES, *v1_rules.RULES, *precision_rules.RULES)
    findings: list[Finding] = [finding for rule in always for finding in rule(asked)]
    if target.loader in _KERAS_LOADERS:
        of_keras = (*keras_rules.RULES, *layer_rules.RULES)
        findings += [finding for rule in of_keras for finding in rule(asked)]
    unsure = list(op_rules.ops_of_the_case(asked))
    notes = [*_of_files_outside(asked), *_notes(asked), *unsure, *keras_rules.stand_ins(asked)]
    notes += keras_rules.newer_keras(asked)
    if not covered:
        notes.append(f"TensorFlow {minor_of(target.tensorflow)} is not known here; predicted as for {minor}")
    return conclude(findings, notes, _otherwise(graph, target, sure=covered and bool(findings or not unsure)))


def _graph(facts: ModelFacts, target: Target) -> MetaGraphFacts:
    """Return the graph that the target's tags choose; if they choose none, a rule reports it."""
    if target.tags is None:
        return facts.main
    return next((each for each in facts.meta_graphs if frozenset(each.tags) == target.tags), facts.main)


def _otherwise(graph: MetaGraphFacts, target: Target, *, sure: bool) -> Confidence:
    """Return the confidence that a model loads if no rule finds a problem.

    ``sure`` is whether all that it uses is known here.
    """
    if not sure:
        return Confidence.LOW
    if not re.match(r"\d+\.\d+", graph.tensorflow_version):
        return Confidence.MEDIUM
    newer = order(minor_of(graph.tensorflow_version)) > order(minor_of(target.tensorflow))
    # Restoring layers is up to Keras, which promises less. A file outside the model may be another elsewhere.
    unsure = newer or target.loader in _KERAS_LOADERS or bool(graph.graph.outside)
    return Confidence.MEDIUM if unsure else Confidence.HIGH


def _of_files_outside(asked: Question) -> Iterator[str]:
    """Yield what the model reads outside itself, but for the files whose absence is a finding."""
    read = [
        each for each in asked.graph.graph.outside if not is_required(each) or each.path in asked.target.files
    ]
    if read:
        yield not_self_contained(read)


def _of_files(asked: Question) -> Iterator[str]:
    """Yield what is wrong with the model's files, if it does not keep the model from loading."""
    files = asked.model.files
    if asked.target.loader is Loader.V1_SESSION and rules.missing_shapes(asked):
        yield (
            "variables/ is another model's: shapes differ from the graph's, which a session does not check: "
            "it may compute something else"
        )
    if asked.model.damaged_metadata and not keras_rules.uses_keras_2(asked):
        yield f"{asked.model.damaged_metadata}; only load_model of Keras 2 reads it"
    yield from files.replaced_assets
    if files.missing_assets:
        # Seen: a declared asset that no op reads may be missing.
        yield f"declared assets are missing: {some(files.missing_assets)}"


def _notes(asked: Question) -> Iterator[str]:
    model, graph = asked.model, asked.graph
    if asked.target.loader is not Loader.V1_SESSION:
        for name, signature in graph.signatures.items():
            # Seen: "missing a required argument".
            if signature.defaults:
                inputs = some(signature.defaults)
                yield f"signature {name!r}: pass {inputs} too: this loader ignores the model's default values"
    if not graph.signatures:
        functions = [each.name for each in graph.functions.functions if each.traces]
        named = f"; a case can call a function of it: {some(functions)}" if functions else ""
        yield f"the model has no signature{named}"
    if names := v1_rules.reads_as_empty(asked):
        yield (
            f"the signatures read variables that never get a value ({some(names)}): they "
            "read as empty arrays, with or without an error"
        )
    yield from _of_files(asked)
    if keras_rules.uses_keras_2(asked) and model.keras is not None and model.keras.lambdas:
        yield (
            "Lambda layers hold bytecode of the Python that wrote them, and may fail in another version with "
            f"'bad marshal data': {some(model.keras.lambdas)}"
        )
    if asked.release > (2, 4):
        for name, attribute, since in rules.newer_attributes(asked):
            yield f"op {name} uses attribute {attribute}, which exists from {since} on and is ignored before"
    yield from op_rules.ops_of_an_installed_package(asked)
    yield from precision_rules.bfloat16_by_onednn(asked)
    for name, use in asked.ops():
        known = use.reached and asked.known.has_op(name, asked.minor)
        lacks = asked.known.kernels(name) is None and not asked.known.has_kernel(name, asked.minor)
        if known and lacks and rules.may_run_without_kernel(asked, name):
            yield f"op {name} has no kernel in CPU builds: it runs only if it is replaced, or compiled by XLA"
