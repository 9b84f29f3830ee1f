"""The rules: each function finds one reason, in a model's files, why loading it would fail.

Each rule gets a model and a target, and yields its findings. The rules for missing ops are in
``op_rules.py``, those for TF 1 models and sessions in ``v1_rules.py``, those for the Keras loaders in
``keras_rules.py``. Each docstring names the rule's source; *seen* means that the failure was reproduced in
releases from 2.4 to 2.21. Paths are in tensorflow/tensorflow.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.domain.wording import count
from savedmodel_matrix.knowledge.keras_versions import comes_with_keras_3
from savedmodel_matrix.knowledge.ops import is_of_accelerators, order
from savedmodel_matrix.models.preflight.op_rules import unregistered_ops
from savedmodel_matrix.models.preflight.prediction import Finding, Stage, some
from savedmodel_matrix.models.preflight.self_contained import is_required, not_self_contained
from savedmodel_matrix.models.savedmodel.outside import When

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.models.preflight.question import Question

#: The last minor that rejects unknown attributes.
_LAST_STRICT = (2, 4)
_FIRST_AUTO_SELECT = (2, 7)
_FIRST_DETERMINISTIC = (2, 7)
_VARIABLES = ("VarHandleOp", "VariableV2", "Variable")
_MOST_GRAPHS = 8
_READ_FROM_FILES = ("InitializeTableFromTextFile", "InitializeTableFromTextFileV2")


def tags(asked: Question) -> Iterator[Finding]:
    """``loader_impl.get_meta_graph_def_from_tags``, ``load.load_partial``; seen."""
    wanted = asked.target.tags
    sets = [frozenset(each.tags) for each in asked.model.meta_graphs]
    has = "; ".join(some(each.tags) or "none" for each in asked.model.meta_graphs[:_MOST_GRAPHS])
    if asked.target.loader is Loader.V1_SESSION and wanted is None:
        # The harness's session chooses the graph that TensorFlow Serving would serve: probe/loaders.
        serving = [each for each in sets if "serve" in each]
        if 1 in {len(sets), len(serving), serving.count(frozenset({"serve"}))}:
            return
    if wanted is None and len(sets) > 1:
        yield Finding(f"the model has {len(sets)} graphs, and no tags choose one; it has {has}")
    elif wanted is not None and wanted not in sets:
        yield Finding(f"no graph has the tags {', '.join(sorted(wanted)) or 'none'}; the model has {has}")


def signatures(asked: Question) -> Iterator[Finding]:
    """The loaders of the harness call a signature by its name (``probe/loaders``); seen."""
    target = asked.target
    by_name = target.loader in {Loader.SAVED_MODEL, Loader.V1_SESSION} and target.function is None
    if not by_name or target.signature is None or target.signature in asked.graph.signatures:
        return
    functions = [each.name for each in asked.graph.functions.functions]
    if asked.graph.signatures:
        has = f"; it has {some([*asked.graph.signatures])}"
    else:
        has = f", and only functions: {some(functions)}" if functions else ", and no other"
    yield Finding(f"the model has no signature {target.signature!r}{has}", stage=Stage.RUN)


def inputs(asked: Question) -> Iterator[Finding]:
    """``Matrix size-incompatible``, ``indices[0] = 9 is not in [0, 7)`` and the like; seen.

    The other loaders make a model of their own, which may take other inputs.
    """
    target = asked.target
    if target.misfit is not None and target.loader in {Loader.SAVED_MODEL, Loader.V1_SESSION}:
        called = f"signature {target.signature!r}" if target.function is None else target.function
        yield Finding(f"it loads, but {called} fails with these inputs: {target.misfit}", stage=Stage.RUN)


def unknown_attributes(asked: Question) -> Iterator[Finding]:
    """``NodeDef mentions attr ... not in Op``; seen in 2.4, in a session, with VarHandleOp's debug_name.

    From 2.5 on TensorFlow ignores such attributes and logs a line (``framework/node_def_util.cc``; the text
    is in the libraries of 2.5 to 2.21), so ``newer_attributes`` only lead to a note.
    """
    if asked.release <= _LAST_STRICT:
        for name, attribute, since in newer_attributes(asked):
            yield Finding(
                f"op {name} uses attribute {attribute}, which exists from {since} on",
                seen=not asked.as_objects,
            )


def newer_attributes(asked: Question) -> Iterator[tuple[str, str, str]]:
    """Yield the op, name and first minor of every attribute that this minor does not know.

    Attributes with the writer's default value do not count, because ``importer.py`` drops them. A session
    checks its graph only, not the functions: seen with AssignVariableOp's validate_shape.
    """
    for name, use in asked.ops():
        if not asked.known.has_op(name, asked.minor):
            continue
        for attribute in sorted(use.function_attributes if asked.as_objects else use.graph_attributes):
            since = asked.known.attribute_since(name, attribute)
            if since and order(since) > asked.release:
                yield name, attribute, since


def lost_kernels(asked: Question) -> Iterator[Finding]:
    """``No OpKernel was registered to support Op``, ops.json; seen.

    Seen with BoostedTreesBucketize from 2.9 on, and with CudnnRNN, TPUOrdinalSelector and NcclAllReduce,
    which never had a CPU kernel.

    A session places every op before it restores, and fails with ``Restoring from checkpoint failed``. An op
    that no signature reaches, such as one for training, never needs its kernel.
    """
    for name, use in asked.ops():
        if not asked.known.has_op(name, asked.minor) or asked.known.has_kernel(name, asked.minor):
            continue
        span = asked.known.kernels(name)
        if span is None and may_run_without_kernel(asked, name):
            continue
        restores = asked.graph.restore_op is not None or asked.graph.init_op is not None
        session = asked.target.loader is Loader.V1_SESSION and use.in_graph > 0 and restores
        if not use.reached and not session:
            continue
        devices = "on GPUs or TPUs only" if is_of_accelerators(name) else "where XLA compiles it only"
        says = f"op {name} runs {devices}: no release has a CPU kernel for it"
        if span is not None:
            when = f"up to {span[1]}" if order(span[1]) < asked.release else f"from {span[0]} on"
            says = f"op {name} has a CPU kernel only {when}"
        yield Finding(
            says,
            stage=Stage.LOAD if session else Stage.RUN,
        )


def may_run_without_kernel(asked: Question, op: str) -> bool:
    """Whether an op without a CPU kernel may be replaced, compiled, or run on another device; seen.

    Seen with SegmentSumV2, which fails outside of jit_compile. TensorFlow replaces AccumulateNV2
    (``accumulate_n_optimizer.cc``).
    """
    if asked.target.computes_elsewhere or op == "AccumulateNV2":
        return True
    return asked.graph.graph.compiled and not is_of_accelerators(op)


def remote_devices(asked: Question) -> Iterator[Finding]:
    """``Cannot assign a device for operation``, of another job or task; seen in 2.15 and 2.18.

    Soft placement moves an op of a GPU that is not there to the CPU, but none of another process. A session
    places every node of the graph before it restores.
    """
    graph = asked.graph.graph
    session = asked.target.loader is Loader.V1_SESSION
    devices = graph.remote | graph.remote_in_graph if session else graph.remote
    if not devices:
        return
    restores = asked.graph.restore_op is not None or asked.graph.init_op is not None
    yield Finding(
        f"ops are placed on {some(sorted(devices))}, in another process than this one",
        stage=Stage.LOAD if session and restores and graph.remote_in_graph else Stage.RUN,
    )


def random_algorithms(asked: Question) -> Iterator[Finding]:
    """``Unsupported algorithm id: 3``; seen in 2.5 and 2.6 with models of 2.7 and 2.10.

    From 2.7 on ``stateless_random_ops.py`` passes a value that lets the kernel choose the algorithm. Older
    kernels do not know that value.
    """
    writer = re.match(r"\d+\.\d+", asked.graph.tensorflow_version)
    if writer is None or order(writer[0]) < _FIRST_AUTO_SELECT or asked.release >= _FIRST_AUTO_SELECT:
        return
    for name, use in asked.ops():
        if (
            use.reached
            and re.fullmatch(r"StatelessRandom\w+V2", name)
            and asked.known.has_op(name, asked.minor)
        ):
            yield Finding(f"op {name} uses an algorithm that exists from 2.7 on", stage=Stage.RUN)


def unseeded_ops(asked: Question) -> Iterator[Finding]:
    """``guarded_philox_random.cc``, ``random ops must have a seed specified``; seen from 2.7 on.

    Layers that Keras's ``load_model`` rebuilds derive their seeds from the setting's seed.
    """
    if asked.target.loader in {Loader.KERAS, Loader.TF_KERAS}:
        return
    if not asked.target.deterministic or asked.release < _FIRST_DETERMINISTIC:
        return
    for name, use in asked.ops():
        if use.reached and name in asked.graph.graph.unseeded:
            yield Finding(f"op {name} has no seed, which op determinism requires", stage=Stage.RUN)


def python_functions(asked: Question) -> Iterator[Finding]:
    """``py_func.cc``, ``callback pyfunc_0 is not found``, with tf.py_function and tf.numpy_function; seen.

    The graph has only the key of a function in the process that made it. The case's code may register a
    function under that key, and Keras's ``load_model`` calls the layers' own code.
    """
    if asked.target.loader in {Loader.KERAS, Loader.TF_KERAS} or asked.target.brings:
        return
    for name, use in asked.ops():
        if use.reached and re.fullmatch(r"(Eager)?PyFunc(Stateless)?", name):
            yield Finding(
                f"op {name} calls a Python function of the process that saved the model", stage=Stage.RUN
            )


def graph_versions(asked: Question) -> Iterator[Finding]:
    """``core/framework/versions.h``, CheckVersions; not seen: no known writer asks for more than 12."""
    version = asked.known.graph_version(asked.minor)
    graph = asked.graph.graph
    if graph.min_consumer > version:
        yield Finding(
            f"the graph needs a reader of GraphDef version {graph.min_consumer} or newer",
            seen=False,
        )
    if version in graph.bad_consumers:
        yield Finding(
            f"the graph excludes this release's GraphDef version, {version}, as a bad reader", seen=False
        )


def object_kinds(asked: Question) -> Iterator[Finding]:
    """``load.py``, ``Unknown SavedObject type``; seen with EfficientNet of 2.7 in 2.4 and 2.5."""
    objects = asked.graph.objects
    if not asked.as_objects or objects is None:
        return
    for kind in objects.kinds:
        since = asked.known.object_kind_since(kind)
        if since and order(since) > asked.release:
            yield Finding(f"objects of kind {kind} load from {since} on")
    for name in sorted(objects.registered_only):
        yield Finding(
            f"objects of the registered class {name} load only with that class",
            needs=(f"the module that registers {name}",),
            seen=False,
        )
    for name in sorted(each for each in objects.specs if each and not each.startswith("tf.")):
        yield Finding(
            f"arguments of the registered type {name}", needs=(f"the module with {name}",), seen=False
        )


def argument_kinds(asked: Question) -> Iterator[Finding]:
    """``nested_structure_coder.py``, ``No encoder for object``; seen with a default argument of 2.14."""
    objects = asked.graph.objects
    if not asked.as_objects or objects is None:
        return
    for kind in sorted(objects.value_kinds):
        since = asked.known.value_kind_since(kind)
        if since and order(since) > asked.release:
            yield Finding(
                f"a function has a {kind} among its arguments' defaults, which can be read from {since} on"
            )


def tables_that_save_themselves(asked: Question) -> Iterator[Finding]:
    """``saveable_object_util.py``, ``save_fn(checkpoint_key) expected a Tensor``.

    Seen in 2.11 and 2.12 with mutable tables, such as TextVectorization's, saved by 2.14 to 2.21. Not seen
    with tables saved by 2.13, nor in 2.10 and 2.13.
    """
    objects = asked.graph.objects
    writer = re.match(r"\d+\.\d+", asked.graph.tensorflow_version)
    if not asked.as_objects or objects is None or writer is None or order(writer[0]) < (2, 14):
        return
    if objects.savers and asked.minor in {"2.11", "2.12"}:
        yield Finding(
            f"{objects.savers} tables have save functions of their own, which this release cannot read"
        )


def optimizer_slots(asked: Question) -> Iterator[Finding]:
    """``load.py``, ``_recreate_user_object`` and ``add_slot``: tensorflow#70196; seen.

    An optimizer is restored as one only if Keras 2 has registered its class. Up to 2.5 Keras is part of
    TensorFlow; 2.6 does not import it by itself; 2.7 to 2.15 do; from 2.16 on Keras 2 is tf-keras.
    """
    objects = asked.graph.objects
    if not asked.as_objects or objects is None or not objects.slots:
        return
    what = f"{objects.slots} Keras 2 optimizer slots in the object graph, but "
    if comes_with_keras_3(asked.release):
        if not asked.target.has("tf-keras"):
            yield Finding(
                f"{what}no tf-keras: '_UserObject' object has no attribute 'add_slot'",
                needs=("tf-keras",),
            )
    elif asked.release == (2, 6) and asked.target.loader is Loader.SAVED_MODEL:
        yield Finding(
            f"{what}2.6 does not import Keras by itself: '_UserObject' object has no attribute 'add_slot'",
            needs=("'import keras' before loading the model",),
        )


def files(asked: Question) -> Iterator[Finding]:
    """The files that loading restores from; seen."""
    there = asked.model.files
    if (
        not there.index
        and not there.damaged
        and (asked.as_objects or any(name in asked.graph.graph.ops for name in _VARIABLES))
    ):
        yield Finding("variables/variables.index is missing")
    if there.index and there.missing_shards:
        count = f"{there.missing_shard_count} of {there.shards} data files are missing"
        yield Finding(f"{count}: variables/{there.missing_shards[0]}")
    for damage in there.damaged:
        yield Finding(damage)
    if there.missing_assets and any(name in asked.graph.graph.ops for name in _READ_FROM_FILES):
        yield Finding(f"a table is read from an asset, and assets are missing: {some(there.missing_assets)}")


def other_variables(asked: Question) -> Iterator[Finding]:
    """``Received incompatible tensor``, ``not bound to checkpointed values``; seen in 2.15 and 2.18.

    A session does not look at the shapes of resource variables, and only a note says so.
    """
    if asked.as_objects and (missing := missing_shapes(asked)):
        yield Finding(
            f"variables/ is another model's: it has no value for {count(sum(missing.values()), 'variable')}, "
            f"for example of shape {list(next(iter(missing)))}"
        )


def missing_shapes(asked: Question) -> Counter[tuple[int | None, ...]]:
    """Return how many variables of each shape have no tensor of that shape among the stored ones."""
    objects, stored = asked.graph.objects, asked.model.files.tensors
    if objects is None or stored is None or not asked.model.has_objects:
        return Counter()
    return Counter(objects.variables) - Counter(stored)


def files_outside(asked: Question) -> Iterator[Finding]:
    """``No such file or directory``, of ops that open files at a constant path; seen."""
    for each in asked.graph.graph.outside:
        if is_required(each) and each.path not in asked.target.files:
            yield Finding(
                not_self_contained([each]),
                needs=(each.path,),
                stage=Stage.LOAD if each.when is When.LOAD else Stage.RUN,
            )


RULES = (
    tags,
    signatures,
    inputs,
    files,
    files_outside,
    other_variables,
    unregistered_ops,
    unknown_attributes,
    lost_kernels,
    remote_devices,
    random_algorithms,
    unseeded_ops,
    python_functions,
    graph_versions,
    object_kinds,
    argument_kinds,
    tables_that_save_themselves,
    optimizer_slots,
)
