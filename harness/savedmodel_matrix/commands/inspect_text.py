"""The description of a model as text for a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from savedmodel_matrix.commands.printed import Table, text_of
from savedmodel_matrix.commands.varying import varying_lines
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.domain.wording import count, first_lines, joined, listed, shortened
from savedmodel_matrix.knowledge.ops import minor_of, order
from savedmodel_matrix.models.preflight.prediction import Kind
from savedmodel_matrix.models.savedmodel.outside import When

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from savedmodel_matrix.commands.inspect_document import (
        FilesRow,
        InputRow,
        InspectDocument,
        KerasRow,
        MetaGraphRow,
        NoteRow,
        PredictionRow,
    )
    from savedmodel_matrix.models.preflight.prediction import Confidence

_LEFT_BY_KERAS = "a stand-in runs what was traced; `modules` keeps the class"
_LEFT_ELSE = "only functions and variables are left"
_WHEN = {When.LOAD: "at load", When.RUN: "when it runs", When.CALL: "in a function that no signature calls"}
#: How much is printed; --json has all of it. A hostile model has a million names, of a megabyte each.
_MOST_NAMED = 8
_MOST_GRAPHS = 8
_MOST_SIGNATURES = 32
_MOST_TENSORS = 100
_MOST_LINES = 50
#: Of a name in a list, and of a list.
_LONGEST_NAME = 100
_LONGEST_FACT = 1000


def render_model(model: InspectDocument) -> str:
    """Return the description as text for a terminal."""
    facts = [(name, value) for name, value in _facts(model) if value]
    parts: list[str | Table] = [Table(facts, longest=_LONGEST_FACT)]
    for graph in model.meta_graphs[:_MOST_GRAPHS]:
        rows = list(_signatures(graph))
        parts += ["", f"graph with tags {_named(graph.tags) or 'none'}:"]
        parts.append(Table(rows, ("signature", "inputs", "outputs")) if rows else "  it has no signature")
        if not rows and (calls := list(_calls(graph))):
            parts += ["", Table(calls, ("function", "calls that it was traced with, and takes"))]
        if more := len(graph.signatures) - len(rows):
            parts.append(f"and {count(more, 'more signature')}")
    if (more := len(model.meta_graphs) - _MOST_GRAPHS) > 0:
        parts += ["", f"and {count(more, 'more graph')}"]
    prepared = [(name, *row) for name, inputs in model.expects.items() for row in _prepared(inputs)]
    if prepared:
        parts += ["", Table(prepared[:_MOST_LINES], ("signature", "input", "preprocessing in the model"))]
    if model.keras is not None and (lost := list(_lost(model.keras))):
        parts += ["", Table(lost, ("loader", "Keras classes that it loses"))]
    if told := list(varying_lines(model.varying)):
        parts += ["", "random numbers and state, and the outputs that depend on them:"]
        parts += first_lines(told, _MOST_LINES)
    beside = joined(["TensorFlow", *model.packages])
    parts += ["", f"predictions for loader {model.loader}, with {beside}, on a CPU:"]
    parts.append(
        Table(
            [(row.releases, row.text, row.confidence) for row in grouped(model.predictions)],
            ("TensorFlow", "prediction", "confidence"),
        )
    )
    if notes := first_lines([_noted(note, model.predictions) for note in model.notes], _MOST_LINES):
        parts += ["", *notes]
    return text_of(parts)


@dataclass(frozen=True)
class PredictedReleases:
    """Consecutive minor releases with the same prediction."""

    first: str
    last: str
    text: tuple[str, ...]
    confidence: Confidence

    @property
    def releases(self) -> str:
        """``2.7 to 2.15``, or one release."""
        return self.first if self.first == self.last else f"{self.first} to {self.last}"


def grouped(predictions: Sequence[PredictionRow]) -> list[PredictedReleases]:
    """Return the predictions, with equal consecutive ones in one row."""
    rows: list[PredictedReleases] = []
    for each in predictions:
        text, minor = _said(each), minor_of(each.tensorflow)
        if rows and (rows[-1].text, rows[-1].confidence) == (text, each.confidence):
            rows[-1] = PredictedReleases(rows[-1].first, minor, text, each.confidence)
        else:
            rows.append(PredictedReleases(minor, minor, text, each.confidence))
    return rows


def _said(prediction: PredictionRow) -> tuple[str, ...]:
    match prediction.kind:
        case Kind.NEEDS:
            return f"needs {joined(prediction.needs[:_MOST_NAMED])}:", *prediction.because
        case Kind.FAILS:
            return f"fails to {prediction.stage}:", *prediction.because
        case Kind.LOADS:
            return ("loads",)


def _noted(note: NoteRow, predictions: Sequence[PredictionRow]) -> str:
    """Return a note, with its releases if it applies to several and not to all."""
    minors = [minor_of(each) for each in note.tensorflow]
    some = 1 < len(minors) < len(predictions)
    return f"note: {note.says}{f' ({minors[0]} to {minors[-1]})' if some else ''}"


def _facts(model: InspectDocument) -> Iterator[tuple[str, str]]:
    yield "model", model.model
    yield "reads outside", _named([f"{each.path} ({_WHEN[each.when]})" for each in model.outside])
    for graph in model.meta_graphs[:_MOST_GRAPHS]:
        versions = f"GraphDef {graph.producer}, readable by version {graph.min_consumer} and later"
        yield "written by", f"TensorFlow {graph.tensorflow or 'unknown'}, {versions}"
    yield "format", "objects (TensorFlow 2)" if model.object_graph else "a graph (TensorFlow 1)"
    if model.keras is not None:
        yield from _keras_facts(model.keras)
    yield from _op_facts(model.meta_graphs)
    objects = [graph.objects for graph in model.meta_graphs if graph.objects]
    yield "optimizer slots", str(sum(each.optimizer_slots for each in objects) or "")
    yield "registered", _named(sorted({name for each in objects for name in each.registered}))
    yield "runs at load", _named([graph.init_op for graph in model.meta_graphs if graph.init_op])
    yield "risky ops", "; ".join(f"{name} {what}" for name, what in model.risky_ops.items())
    yield from _file_facts(model.files)


def _keras_facts(keras: KerasRow) -> Iterator[tuple[str, str]]:
    major = f"Keras {keras.major}" if keras.major else "exported by Keras"
    version = keras.version or f"{major}, version unknown"
    yield "keras", f"{version}{', compiled' if keras.compiled else ''}"
    yield "custom classes", _named(keras.custom_classes)
    yield "Lambda layers", _named(keras.lambdas)
    yield "data layers", _named([f"{each.class_name} {each.name}" for each in keras.preparing])


def _lost(keras: KerasRow) -> Iterator[tuple[str, str]]:
    """Yield the classes that loaders lose, and what is left; loaders that lose the same share a row."""
    loaders: dict[tuple[str, ...], list[Loader]] = {}
    for loader, lost in keras.lost_classes.items():
        loaders.setdefault(tuple(lost), []).append(loader)
    for classes, alike in loaders.items():
        if classes:
            left = _LEFT_BY_KERAS if Loader.KERAS in alike else _LEFT_ELSE
            yield ", ".join(alike), f"{_named(classes)}: {left}"


def _op_facts(graphs: Sequence[MetaGraphRow]) -> Iterator[tuple[str, str]]:
    ops = {name: use.since for graph in graphs for name, use in graph.ops.items()}
    yield "op types", str(len(ops))
    yield "custom ops", _named([name for name, since in ops.items() if since == ""])
    newer = sorted(((since, name) for name, since in ops.items() if since), key=lambda each: order(each[0]))
    yield "newest ops", _named([f"{name} ({since})" for since, name in reversed(newer)])


def _file_facts(files: FilesRow) -> Iterator[tuple[str, str]]:
    whole = count(files.shards, "data file")
    missing = files.missing_shard_count
    found = f"{missing} of {whole} missing" if missing else whole
    yield "variables", found if files.variables_index else "no index"
    yield "damaged", _named(files.damaged)
    yield "assets", _named(files.assets)
    yield "missing assets", _named(files.missing_assets)
    yield "external assets", _named(files.foreign_assets)
    yield "fingerprint", "yes" if files.fingerprint else "no"


def _signatures(graph: MetaGraphRow) -> Iterator[tuple[str, list[str], list[str]]]:
    for name, signature in islice(graph.signatures.items(), _MOST_SIGNATURES):
        inputs, outputs = (
            first_lines([f"{each} {spec}" for each, spec in side.items()], _MOST_TENSORS)
            for side in (signature.inputs, signature.outputs)
        )
        yield name, inputs, outputs


def _calls(graph: MetaGraphRow) -> Iterator[tuple[str, list[str]]]:
    for name, calls in islice(graph.callables.items(), _MOST_SIGNATURES):
        shown = [shortened(each.shown, _LONGEST_FACT) for each in calls]
        yield name, first_lines(shown or ["none: it was never called before it was saved"], _MOST_NAMED)


def _prepared(inputs: Mapping[str, InputRow]) -> Iterator[tuple[str, str]]:
    for name, expected in inputs.items():
        if expected.steps:
            layout = f"{expected.layout}, " if expected.layout else ""
            yield name, layout + ", then ".join(step.does for step in expected.steps)


def _named(names: Sequence[str]) -> str:
    return listed([shortened(name, _LONGEST_NAME) for name in names], _MOST_NAMED)
