"""Rules for TF 1 models in TF 2's loader, and for any model in a session.

Sources as in ``rules.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.models.preflight.prediction import Finding, Stage, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.models.preflight.question import Question

#: array_ops.cc, shape function of Placeholder: up to this GraphDef version a scalar may mean "any shape".
_SCALAR_MEANS_UNKNOWN = 21
_FIRST_READS_AS_EMPTY = (2, 8)


def repeated_inputs(asked: Question) -> Iterator[Finding]:
    """``load_v1_in_v2.py``, ``TF_Output ... appears more than once in the input list``; seen."""
    if asked.target.loader is Loader.V1_SESSION or asked.as_objects:
        return
    for name, tensors in asked.graph.repeated_inputs.items():
        yield Finding(f"several inputs of signature {name!r} are the same tensor: {some(tensors)}")


def reference_outputs(asked: Question) -> Iterator[Finding]:
    """``load_v1_in_v2.py``, ``has a reference type``: a function cannot return references; seen."""
    if asked.target.loader is Loader.V1_SESSION or asked.as_objects:
        return
    for name, signature in asked.graph.signatures.items():
        references = [each for each, spec in signature.outputs.items() if spec.reference]
        if references:
            yield Finding(f"signature {name!r} returns a variable itself (a reference): {some(references)}")


def old_placeholders(asked: Question) -> Iterator[Finding]:
    """``array_ops.cc``, Placeholder: a scalar means any shape in old graphs only; seen with TF 1.0.

    ``load_v1_in_v2.py`` copies the ops into a current graph, where a scalar means a scalar.
    """
    if asked.target.loader is Loader.V1_SESSION or asked.as_objects:
        return
    if asked.graph.graph.producer <= _SCALAR_MEANS_UNKNOWN:
        fed = sorted(asked.graph.fed & asked.graph.graph.scalar_placeholders)
        if fed:
            yield Finding(
                f"inputs of any shape ({some(fed)}) are read as scalars: GraphDef version "
                f"{asked.graph.graph.producer} writes both the same way"
            )


def unrestored_variables(asked: Question) -> Iterator[Finding]:
    """``Could not find variable``, a session restores only what the restore function names; seen, Keras 3."""
    if asked.target.loader is Loader.V1_SESSION and asked.graph.graph.unrestored:
        names = asked.graph.graph.unrestored
        yield Finding(
            f"a session does not restore {len(names)} variables that the signatures read, such as {names[0]}",
            stage=Stage.RUN,
        )


def functions_in_a_session(asked: Question) -> Iterator[Finding]:
    """The harness's session calls signatures only (``probe/loaders/v1_session.py``); seen."""
    if asked.target.loader is Loader.V1_SESSION and asked.target.function is not None:
        says = f"a session only has signatures, and the case calls the function {asked.target.function!r}"
        yield Finding(says, stage=Stage.RUN)


def tables_without_init(asked: Question) -> Iterator[Finding]:
    """``loader_impl.get_init_op``: ``Table not initialized``; seen with tf.Transform.

    TF 2's loader falls back to the initialisers in the collection; a session does not.
    """
    tables = asked.graph.collections.get("table_initializer", 0)
    if asked.target.loader is Loader.V1_SESSION and tables and asked.graph.init_op is None:
        yield Finding(
            f"a session does not initialise the model's {tables} tables: a collection names their "
            "initialisers, and the model has no main op",
            stage=Stage.RUN,
        )


def unassigned_variables(asked: Question) -> Iterator[Finding]:
    """``Attempting to use uninitialized value``, ``Could not find variable``; seen.

    From 2.8 on TF 2's loader reads a resource without a value as an empty array. That may or may not fail,
    so it only leads to a note (``reads_as_empty``).
    """
    names = [name for name in asked.graph.graph.unassigned if name not in reads_as_empty(asked)]
    if asked.graph.objects is None and names:
        yield Finding(
            f"the signatures read {len(names)} variables that never get a value, for example {names[0]}: the "
            "model's saver leaves them out, and so does its initialisation op",
            stage=Stage.RUN,
        )


def reads_as_empty(asked: Question) -> list[str]:
    """Return the variables without a value, which this loader reads as empty arrays."""
    session = asked.target.loader is Loader.V1_SESSION
    if session or asked.graph.objects is not None or asked.release < _FIRST_READS_AS_EMPTY:
        return []
    return [name for name, op in asked.graph.graph.unassigned.items() if op == "VarHandleOp"]


def tables_left_out(asked: Question) -> Iterator[Finding]:
    """``Table not initialized``, in both loaders: if there is a main op, nothing else runs; seen."""
    if asked.graph.graph.init_missing:
        return
    if not asked.as_objects and (names := asked.graph.graph.unfilled):
        yield Finding(
            f"{asked.graph.init_op}, which runs at load, does not fill {len(names)} of the model's tables, "
            f"for example {names[0]}",
            stage=Stage.RUN,
        )


def missing_init_op(asked: Question) -> Iterator[Finding]:
    """``loader_impl.get_init_op``: ``refers to an Operation not in the graph``; seen in both loaders."""
    if not asked.as_objects and asked.graph.graph.init_missing:
        yield Finding(f"{asked.graph.init_op}, which should run at load, is not in the graph")


def starved_queues(asked: Question) -> Iterator[Finding]:
    """``QueueDequeue`` waits forever: no loader starts the runners in ``queue_runners``; seen."""
    if not asked.as_objects and (names := asked.graph.graph.starved):
        runners = asked.graph.collections.get("queue_runners", 0)
        yield Finding(
            f"the signatures read from queue {names[0]}, which nothing fills: the model has {runners} "
            "queue runners, and no loader starts them",
            stage=Stage.RUN,
        )


def assets_read_late(asked: Question) -> Iterator[Finding]:
    """``load_v1_in_v2.py``, ``loader_impl.py``: only the init op gets the paths of the assets; seen."""
    if not asked.as_objects and (names := asked.graph.late_assets):
        yield Finding(
            f"a signature reads asset {names[0]} itself, at the path it had when the model was saved: only "
            "the initialisation op is given its new path",
            stage=Stage.RUN,
        )


RULES = (
    repeated_inputs,
    reference_outputs,
    old_placeholders,
    unrestored_variables,
    functions_in_a_session,
    tables_without_init,
    unassigned_variables,
    tables_left_out,
    missing_init_op,
    starved_queues,
    assets_read_late,
)
