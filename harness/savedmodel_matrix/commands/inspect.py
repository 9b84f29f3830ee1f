"""What a model's files contain, and which releases should load it. No model code is executed."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from savedmodel_matrix.commands.inspect_document import (
    CallRow,
    FilesRow,
    InputRow,
    InspectDocument,
    KerasRow,
    MetaGraphRow,
    NoteRow,
    ObjectsRow,
    OpRow,
    OutsideRow,
    PredictionRow,
    PreparingRow,
    SignatureRow,
    StepRow,
)
from savedmodel_matrix.commands.inspect_text import render_model
from savedmodel_matrix.commands.varying import varying
from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.environments.host import cpu_flags, platform_name
from savedmodel_matrix.knowledge.releases import ReleaseTable
from savedmodel_matrix.models.preflight.lost_classes import lost_classes
from savedmodel_matrix.models.preflight.predict import knowledge, predict
from savedmodel_matrix.models.preflight.prediction import Target
from savedmodel_matrix.models.preflight.risks import risky_ops
from savedmodel_matrix.models.savedmodel.expected_inputs import expectations_of
from savedmodel_matrix.models.savedmodel.facts import read_facts
from savedmodel_matrix.models.savedmodel.wire import Walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from savedmodel_matrix.domain.expected_inputs import InputExpectation
    from savedmodel_matrix.models.preflight.prediction import Prediction
    from savedmodel_matrix.models.savedmodel.facts import MetaGraphFacts, ModelFacts
    from savedmodel_matrix.models.savedmodel.keras import KerasFacts
    from savedmodel_matrix.models.savedmodel.model_files import FileFacts
    from savedmodel_matrix.models.savedmodel.objects import ObjectFacts

#: Signatures whose inputs are followed, and the steps for all of them, two seconds. Real models have a few.
_MOST_FOLLOWED = 32
_MOST_STEPS = 1_000_000

__all__ = ["describe_model", "render_model"]


def describe_model(
    path: Path, loader: Loader = Loader.SAVED_MODEL, packages: Iterable[str] = ()
) -> InspectDocument:
    """Return the facts of the model and a prediction for each minor release.

    Raises:
        UnreadableModelError: naming the file that cannot be read.
    """
    facts = read_facts(path)
    installed = dict.fromkeys(packages, "")
    here = platform_name()
    predicted = {
        version: predict(facts, Target(version, installed, loader, platform=here, cpu_flags=cpu_flags()))
        for version in ReleaseTable.load().minor_releases()
    }
    return InspectDocument(
        model=str(path),
        object_graph=facts.has_objects,
        text=facts.as_text,
        meta_graphs=[_graph(graph) for graph in facts.meta_graphs],
        expects=_expects(path, facts),
        keras=None if facts.keras is None else _keras(facts.keras),
        files=_files(facts.files),
        outside=[
            OutsideRow(path=each.path, reads=each.reads, when=each.when, ops=list(each.ops))
            for each in facts.outside
        ],
        risky_ops=risky_ops(facts),
        varying=varying(path),
        loader=loader,
        packages=sorted(installed),
        predictions=[_prediction(version, found) for version, found in predicted.items()],
        notes=_notes(predicted),
    )


def _notes(predicted: Mapping[str, Prediction]) -> list[NoteRow]:
    """Return each note once, with its releases: most notes apply to all of them."""
    releases: dict[str, list[str]] = {}
    for version, found in predicted.items():
        for note in found.notes:
            releases.setdefault(note, []).append(version)
    return [NoteRow(says=note, tensorflow=versions) for note, versions in releases.items()]


def _prediction(version: str, found: Prediction) -> PredictionRow:
    return PredictionRow(
        tensorflow=version,
        kind=found.kind,
        stage=found.stage,
        because=list(found.because),
        needs=list(found.needs),
        confidence=found.confidence,
    )


def _graph(graph: MetaGraphFacts) -> MetaGraphRow:
    return MetaGraphRow(
        tags=list(graph.tags),
        tensorflow=graph.tensorflow_version,
        producer=graph.graph.producer,
        min_consumer=graph.graph.min_consumer,
        signatures={
            name: SignatureRow(
                method=signature.method,
                inputs={each: str(spec) for each, spec in signature.inputs.items()},
                outputs={each: str(spec) for each, spec in signature.outputs.items()},
                defaults=list(signature.defaults),
            )
            for name, signature in graph.signatures.items()
        },
        callables={
            each.name: [
                CallRow(
                    shown=str(trace),
                    inputs={name: str(spec) for name, spec in trace.inputs.items()},
                    values=trace.call.values(),
                )
                for trace in each.traces
            ]
            for each in graph.functions.functions
        },
        ops={
            name: OpRow(in_graph=use.in_graph, in_functions=use.in_functions, since=_since(name))
            for name, use in graph.graph.ops.items()
        },
        declared_ops=list(graph.graph.declared_ops),
        functions=graph.graph.functions,
        collections=dict(graph.collections),
        init_op=graph.init_op,
        restore_op=graph.restore_op,
        objects=None if graph.objects is None else _objects(graph.objects),
    )


def _objects(objects: ObjectFacts) -> ObjectsRow:
    return ObjectsRow(
        kinds=dict(objects.kinds),
        identifiers=dict(objects.identifiers),
        registered=dict(objects.registered),
        optimizer_slots=objects.slots,
    )


def _since(op: str) -> str | None:
    """Return the first minor with an op if that is not the oldest; "" for an op that no TensorFlow has."""
    known = knowledge()
    return known.registered(op)[0] if known.is_op(op) else ""


def _expects(path: Path, facts: ModelFacts) -> dict[str, dict[str, InputRow]]:
    """Return the model's own preprocessing by signature and input, from the first graph that has it."""
    names = dict.fromkeys(name for graph in facts.meta_graphs for name in graph.signatures)
    walk = Walk(_MOST_STEPS)
    found = {}
    for name in islice(names, _MOST_FOLLOWED):
        try:
            expected = expectations_of(path, name, facts, walk)
        except UnreadableModelError:  # the facts could be read: only this graph cannot be followed
            break
        found[name] = {each.name: _expected(each) for each in expected.inputs.values()}
    return found


def _expected(expected: InputExpectation) -> InputRow:
    return InputRow(
        layout=expected.layout or None,
        steps=[StepRow(kind=step.kind, does=step.said, layer=step.layer) for step in expected.steps],
        leads_to=list(expected.leads_to),
    )


def _keras(keras: KerasFacts) -> KerasRow:
    known = knowledge()
    return KerasRow(
        major=keras.major,
        version=keras.version,
        compiled=keras.compiled,
        losses=list(keras.losses),
        lambdas=list(keras.lambdas),
        preparing=[
            PreparingRow(class_name=each.class_name, name=each.name, settings=dict(each.settings))
            for each in keras.preparing
        ],
        custom_classes=sorted(
            {
                each.class_name
                for each in keras.objects
                if each.class_name and not known.is_keras_class(each.class_name)
            }
        ),
        lost_classes={loader: list(lost_classes(keras, loader, known)) for loader in Loader},
    )


def _files(files: FileFacts) -> FilesRow:
    return FilesRow(
        variables_index=files.index,
        shards=files.shards,
        missing_shards=list(files.missing_shards),
        missing_shard_count=files.missing_shard_count,
        damaged=list(files.damaged),
        assets=list(files.assets),
        missing_assets=list(files.missing_assets),
        foreign_assets=list(files.foreign_assets),
        fingerprint=files.fingerprint,
        keras_metadata=files.keras_metadata,
    )
