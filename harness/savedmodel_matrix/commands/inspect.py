"""What a model says of itself, and where it is expected to load: nothing of it is executed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from savedmodel_matrix.commands.varying import varying, varying_lines
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.knowledge.ops import minor_of, order
from savedmodel_matrix.knowledge.releases import ReleaseTable
from savedmodel_matrix.models.preflight.predict import knowledge, predict
from savedmodel_matrix.models.preflight.prediction import Kind, Target
from savedmodel_matrix.models.preflight.risks import risky_ops
from savedmodel_matrix.models.savedmodel.expected_inputs import expectations_of
from savedmodel_matrix.models.savedmodel.facts import read_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from savedmodel_matrix.domain.expected_inputs import InputExpectation
    from savedmodel_matrix.models.savedmodel.facts import MetaGraphFacts, ModelFacts

_FORMAT = 1
#: Names that are printed of a list; --json has them all.
_MOST_NAMED = 8


def describe_model(
    path: Path, loader: Loader = Loader.SAVED_MODEL, packages: Iterable[str] = ()
) -> dict[str, Any]:
    """Return the facts of the model and a prediction for each minor release, as JSON-like data.

    Raises UnreadableModelError, naming the file that cannot be read.
    """
    facts = read_facts(path)
    installed = frozenset(packages)
    predictions = []
    for version in ReleaseTable.load().minor_releases():
        found = predict(facts, Target(version, installed, loader))
        predictions.append(
            {
                "tensorflow": version,
                "kind": found.kind,
                "stage": found.stage,
                "because": list(found.because),
                "needs": list(found.needs),
                "notes": list(found.notes),
                "confidence": found.confidence,
            }
        )
    return {
        "format": _FORMAT,
        "model": str(path),
        "object_graph": facts.has_objects,
        "text": facts.as_text,
        "meta_graphs": [_graph(graph) for graph in facts.meta_graphs],
        "expects": _expects(path, facts),
        "keras": _keras(facts),
        "files": {
            "variables_index": facts.files.index,
            "shards": facts.files.shards,
            "missing_shards": list(facts.files.missing_shards),
            "assets": list(facts.files.assets),
            "missing_assets": list(facts.files.missing_assets),
            "foreign_assets": list(facts.files.foreign_assets),
            "fingerprint": facts.files.fingerprint,
            "keras_metadata": facts.files.keras_metadata,
        },
        "risky_ops": risky_ops(facts),
        "varying": varying(path),
        "loader": loader,
        "packages": sorted(installed),
        "predictions": predictions,
    }


def render_model(described: dict[str, Any]) -> str:
    """Return the description as text for a terminal."""
    facts = [(name, value) for name, value in _facts(described) if value]
    lines = [tabulate(facts, tablefmt="plain", disable_numparse=True)]
    for graph in described["meta_graphs"]:
        rows = list(_signatures(graph))
        lines += ["", f"graph with tags {', '.join(graph['tags']) or 'none'}:"]
        lines.append(
            tabulate(
                rows, headers=["signature", "inputs", "outputs"], tablefmt="simple", disable_numparse=True
            )
            if rows
            else "  it has no signature"
        )
    prepared = [(name, *row) for name, inputs in described["expects"].items() for row in _prepared(inputs)]
    if prepared:
        headers = ["signature", "input", "what the model does to it itself"]
        lines += ["", tabulate(prepared, headers=headers, tablefmt="simple", disable_numparse=True)]
    if told := list(varying_lines(described["varying"])):
        lines += ["", "random numbers and state, and the outputs that they reach:", *told]
    beside = f" and {', '.join(described['packages'])}" if described["packages"] else ""
    lines += ["", f"expected of loader {described['loader']}, with TensorFlow{beside}, on a CPU:"]
    lines.append(
        tabulate(
            [
                (row["releases"], row["verdict"], row["confidence"])
                for row in grouped(described["predictions"])
            ],
            headers=["TensorFlow", "prediction", "confidence"],
            tablefmt="simple",
            disable_numparse=True,
        )
    )
    notes = _notes(described["predictions"])
    return "\n".join([*lines, *(["", *notes] if notes else [])])


def grouped(predictions: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the predictions with neighbours that say the same in one row."""
    rows: list[dict[str, str]] = []
    for each in predictions:
        said = _said(each)
        minor = minor_of(each["tensorflow"])
        if rows and (rows[-1]["verdict"], rows[-1]["confidence"]) == (said, each["confidence"]):
            rows[-1]["last"] = minor
        else:
            rows.append({"first": minor, "last": minor, "verdict": said, "confidence": each["confidence"]})
    for row in rows:
        row["releases"] = row["first"] if row["first"] == row["last"] else f"{row['first']} to {row['last']}"
    return rows


def _said(prediction: dict[str, Any]) -> str:
    because = "\n".join(prediction["because"])
    if prediction["kind"] == Kind.NEEDS:
        return f"needs {', '.join(prediction['needs'])}:\n{because}"
    if prediction["kind"] == Kind.FAILS:
        return f"fails at {prediction['stage']}:\n{because}"
    return "loads"


def _notes(predictions: list[dict[str, Any]]) -> list[str]:
    """Return each note once, with the releases it is for where that is not all."""
    minors: dict[str, list[str]] = {}
    for each in predictions:
        for note in each["notes"]:
            minors.setdefault(note, []).append(minor_of(each["tensorflow"]))
    return [
        f"note: {note}"
        + (f" ({found[0]} to {found[-1]})" if len(found) < len(predictions) and len(found) > 1 else "")
        for note, found in minors.items()
    ]


def _graph(graph: MetaGraphFacts) -> dict[str, Any]:
    objects = graph.objects
    return {
        "tags": list(graph.tags),
        "tensorflow": graph.tensorflow_version,
        "producer": graph.graph.producer,
        "min_consumer": graph.graph.min_consumer,
        "signatures": {
            name: {
                "method": signature.method,
                "inputs": {each: str(spec) for each, spec in signature.inputs.items()},
                "outputs": {each: str(spec) for each, spec in signature.outputs.items()},
                "defaults": list(signature.defaults),
            }
            for name, signature in graph.signatures.items()
        },
        "ops": {
            name: {"in_graph": use.in_graph, "in_functions": use.in_functions, "since": _since(name)}
            for name, use in graph.graph.ops.items()
        },
        "declared_ops": list(graph.graph.declared_ops),
        "functions": graph.graph.functions,
        "collections": dict(graph.collections),
        "init_op": graph.init_op,
        "restore_op": graph.restore_op,
        "objects": None
        if objects is None
        else {
            "kinds": dict(objects.kinds),
            "identifiers": dict(objects.identifiers),
            "registered": dict(objects.registered),
            "optimizer_slots": objects.slots,
        },
    }


def _expects(path: Path, facts: ModelFacts) -> dict[str, Any]:
    """Return by signature and input what the model does to it itself; the first graph with a name has it."""
    names = dict.fromkeys(name for graph in facts.meta_graphs for name in graph.signatures)
    return {
        name: {each.name: _expected(each) for each in expectations_of(path, name, facts).inputs.values()}
        for name in names
    }


def _expected(expected: InputExpectation) -> dict[str, Any]:
    return {
        "layout": expected.layout or None,
        "steps": [{"kind": step.kind, "does": step.said, "layer": step.layer} for step in expected.steps],
        "leads_to": list(expected.leads_to),
    }


def _prepared(inputs: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, expected in inputs.items():
        if expected["steps"]:
            layout = f"{expected['layout']}, " if expected["layout"] else ""
            yield name, layout + ", then ".join(step["does"] for step in expected["steps"])


def _keras(facts: ModelFacts) -> dict[str, Any] | None:
    if facts.keras is None:
        return None
    known = knowledge()
    return {
        "major": facts.keras.major,
        "version": facts.keras.version,
        "compiled": facts.keras.compiled,
        "losses": list(facts.keras.losses),
        "lambdas": list(facts.keras.lambdas),
        "preparing": [
            {"class": each.class_name, "name": each.name, "settings": dict(each.settings)}
            for each in facts.keras.preparing
        ],
        "custom_classes": sorted(
            {
                each.class_name
                for each in facts.keras.objects
                if each.class_name and not known.is_keras_class(each.class_name)
            }
        ),
    }


def _since(op: str) -> str | None:
    """Return the first minor with an op where that is not the oldest; "" for an op of no TensorFlow."""
    known = knowledge()
    return known.registered(op)[0] if known.is_op(op) else ""


def _facts(described: dict[str, Any]) -> Iterator[tuple[str, str]]:
    graphs, keras, files = described["meta_graphs"], described["keras"], described["files"]
    yield "model", described["model"]
    for graph in graphs:
        versions = f"GraphDef {graph['producer']}, for readers of {graph['min_consumer']} on"
        yield "written by", f"TensorFlow {graph['tensorflow'] or 'unknown'}, {versions}"
    yield "form", "objects, of TensorFlow 2" if described["object_graph"] else "a graph, of TensorFlow 1"
    if keras is not None:
        version = keras["version"] or f"{keras['major'] or 'exported by Keras'}, version not told"
        yield "keras", f"{version}{', compiled' if keras['compiled'] else ''}"
        yield "custom classes", _named(keras["custom_classes"])
        yield "Lambda layers", _named(keras["lambdas"])
        yield "data layers", _named([f"{each['class']} {each['name']}" for each in keras["preparing"]])
    yield from _op_facts(graphs)
    objects = [each["objects"] for each in graphs if each["objects"]]
    yield "optimizer slots", str(sum(each["optimizer_slots"] for each in objects) or "")
    yield "registered", _named(sorted({name for each in objects for name in each["registered"]}))
    yield "runs at load", _named([each["init_op"] for each in graphs if each["init_op"]])
    yield "risky ops", "; ".join(f"{name} {what}" for name, what in described["risky_ops"].items())
    missing = f"{len(files['missing_shards'])} of {files['shards']} data files missing"
    whole = f"{files['shards']} data files" if files["shards"] != 1 else "1 data file"
    there = missing if files["missing_shards"] else whole
    yield "variables", there if files["variables_index"] else "no index"
    yield "assets", _named(files["assets"])
    yield "missing assets", _named(files["missing_assets"])
    yield "assets outside", _named(files["foreign_assets"])
    yield "fingerprint", "yes" if files["fingerprint"] else "no"


def _op_facts(graphs: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    ops = {name: use["since"] for graph in graphs for name, use in graph["ops"].items()}
    yield "op types", str(len(ops))
    yield "custom ops", _named([name for name, since in ops.items() if since == ""])
    newer = sorted(((since, name) for name, since in ops.items() if since), key=lambda each: order(each[0]))
    yield "newest ops", _named([f"{name} ({since})" for since, name in reversed(newer)])


def _signatures(graph: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, signature in graph["signatures"].items():
        inputs, outputs = (
            "\n".join(f"{each} {spec}" for each, spec in signature[side].items())
            for side in ("inputs", "outputs")
        )
        yield name, inputs, outputs


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
