"""What stands before a saturated head, recorded beside the outputs.

Behind a softmax that says 1 and 0, or an argmax, a model can change a great deal without a bit of its output
changing. So where an output has just been seen to be like that, the tensor before its head is computed as
well. It is computed by another function, after the model has run: fetched from the same graph, it would
change how TensorFlow fuses the operations around it, and so the output.
"""

import numpy as np

from . import heads, tensors, texts

#: A row is saturated if all its elements are this close to an end of the head's range. The judge calls only
#: rows within 1e-6 saturated: what it may look at is recorded on both sides of that.
_NEAR = 1e-3
#: The share of saturated rows from which on the tensor before is recorded; the judge speaks of half.
_LEAST_SHARE = 0.25
#: Elements that a choice is made of, per output and batch.
_MOST_ELEMENTS = 16 << 20
#: How far the head of what was recorded may be from the output: 16 bits, or a quantised output.
_AGREES = 0.02
_FLOATS = ("float16", "bfloat16", "float32", "float64")
#: Operations that TensorFlow calls stateful although running them again changes nothing.
_NAMES = """
    VarHandleOp ReadVariableOp VariableV2 Variable VarIsInitializedOp ResourceGather ResourceGatherNd
    DisableCopyOnRead HashTable HashTableV2 LookupTableFind LookupTableFindV2 LookupTableSizeV2
    PartitionedCall StatefulPartitionedCall If While Case Assert Print PrintV2 Placeholder
"""
_HARMLESS = frozenset(_NAMES.split())


class Watch:
    """The tensors before the heads of some outputs: ``heads`` is what each is called, by output.

    ``problems`` says why that of an output is not recorded.
    """

    def __init__(self):
        self.heads = {}
        self.problems = {}

    def entry(self, tf, loader, loaded, case, run):
        """Return a function that returns what ``run`` does and, computed after that, the tensors before."""
        if not self.heads:
            return run
        computes = []

        def watched(given):
            outputs = run(given)
            if not computes:  # a function is traced with the inputs that it is given
                try:
                    computes.append(self.compute(loader.graph(tf, loaded, case, given)))
                except Exception:  # another loader than the first may not show its graph
                    computes.append(lambda _: [])
            return tensors.Watched(outputs, computes[0](given))

        return watched

    def compute(self, graph):
        """Return a function of the inputs that returns ``(output, component, tensor)`` of each head."""
        known = heads.Graph(graph.definition)
        found = {name: known.head(graph.outputs[name]) for name in self.heads if name in graph.outputs}
        names = [name for name in sorted(found) if found[name] and called(found[name]) == self.heads[name]]
        run = graph.function([known.graft(found[name]) for name in names])
        return lambda given: [
            (name, self.heads[name], tensor) for name, tensor in zip(names, run(given)) if name in self.heads
        ]


def called(head):
    """Return what the tensor before a head is called, as a component of its output."""
    return "before " + head.kind


def watch(job, loaded, first):
    """Return the ``Watch`` over the saturated outputs of a model that has just run.

    ``first`` are the leaves of each batch's run; those of the tensors before are appended to them.
    """
    watched, case, tf = Watch(), job.case, job.tf
    wanted = _wanted(first)
    problem = _refused(job) if wanted else None
    if wanted and problem is None:
        try:
            batches = [tensors.read_inputs(tf, job.request["objects"], each) for each in case["batches"]]
            graph = job.loader.graph(tf, loaded, case, batches[0])
            _find(tf, watched, graph, wanted, first)
            if watched.heads:
                compute = watched.compute(graph)
                found = [tensors.flatten_arrays(tensors.Watched(None, compute(each))) for each in batches]
                _keep(watched, first, found)
        except Exception as error:  # the outputs are recorded whether it works or not
            problem = texts.one_line(error)
    if problem is not None:
        watched.heads.clear()
        watched.problems = {name: problem for name in wanted if wanted[name]}
    return watched


def _refused(job):
    """Return why nothing can be computed once more, or ``None``."""
    if job.case["one_row"] or job.case["reload"]:
        return "the model is loaded or called anew for each answer"
    if job.case["feed"]:
        return "placeholders are fed"
    if job.part["unstable"]:
        return "two runs of it differ"
    return None


def _wanted(first):
    """Return ``{name: whether it is a float}`` of the dense outputs that may hide changes."""
    shares, wanted = {}, {}
    for leaves in first:
        for name, component, array, dtype in leaves:
            if component is not None or not np.size(array):
                continue
            if dtype in _FLOATS:
                shares.setdefault(name, []).append(_saturated(tensors.numbers(array, dtype)))
            elif dtype not in ("complex64", "complex128"):
                wanted[name] = False
    for name, rows in shares.items():
        if np.concatenate(rows).mean() >= _LEAST_SHARE:
            wanted[name] = True
    return wanted


def _saturated(values):
    """Return which rows over the last axis are at the ends of 0 to 1 or -1 to 1; one axis is a column."""
    rows = values.reshape(-1, values.shape[-1] if values.ndim > 1 else 1)
    with np.errstate(invalid="ignore"):
        sizes = np.abs(rows)
        is_one = np.abs(sizes - 1) <= _NEAR
        # A row of zeros alone may be small numbers; in a column it may be the lower end.
        return (is_one | (sizes <= _NEAR)).all(1) & (is_one.any(1) | (rows.shape[1] == 1))


def _find(tf, watched, graph, wanted, first):
    """Find the head of each output, and leave out what cannot be computed without an effect."""
    known = heads.Graph(graph.definition)
    shown = set()
    for name in {name for leaves in first for name, _, _, dtype in leaves if dtype in _FLOATS}:
        if name not in graph.outputs:
            continue
        shown.add(known.source(heads.Place((), graph.outputs[name])))
        head = known.head(graph.outputs[name])
        shown.add(head and known.source(head.place))
    for name, is_float in sorted(wanted.items()):
        head = known.head(graph.outputs[name]) if name in graph.outputs else None
        if head is None or (head.kind in heads.CHOICES.values()) == is_float:
            continue
        if not is_float and known.source(head.place) in shown:
            continue  # its scores are an output, or what stands before one
        if tf.as_dtype(head.dtype).name not in _FLOATS:
            continue
        added, reference = known.graft(head)
        effect = _effect(graph.definition, added, reference)
        if effect is None:
            watched.heads[name] = called(head)
        else:
            watched.problems[name] = "computing it once more might change something: {}".format(effect)


def _effect(definition, added, reference):
    """Return the first operation before a tensor that may change something, or ``None``."""
    from tensorflow.python.framework import op_def_registry  # no public API describes operations

    whole = type(definition)()
    whole.CopyFrom(definition)
    whole.MergeFrom(added)
    functions = {each.signature.name for each in whole.library.function}
    for node in heads.reached(whole, [reference]):
        if node.op in _HARMLESS or node.op in functions:
            continue
        op = op_def_registry.get(node.op)
        if op is None or op.is_stateful:
            return "{} {!r}".format(node.op, node.name)
    return None


def _keep(watched, first, found):
    """Append what was computed to the leaves of each batch, but what does not explain its output."""
    for leaves, further in zip(first, found):
        known = {name: (array, dtype) for name, part, array, dtype in leaves if part is None}
        for name, part, array, dtype in further:
            output = tensors.numbers(*known[name]) if known[name][1] in _FLOATS else None
            if np.size(array) > _MOST_ELEMENTS:
                watched.problems[name] = "it has {} elements".format(np.size(array))
            elif output is not None and not explains(part, tensors.numbers(array, dtype), output):
                watched.problems[name] = "what was found {} does not give the output".format(part)
    for name in watched.problems:
        watched.heads.pop(name, None)
    for leaves, further in zip(first, found):
        leaves += [leaf for leaf in further if leaf[0] in watched.heads]


def explains(part, values, output):
    """Whether the head named by ``part`` makes ``output`` of ``values``, in whatever order."""
    if values.size != output.size:
        return False
    with np.errstate(all="ignore"):
        if part == "before sigmoid":
            made = 1 / (1 + np.exp(-values))
        elif part == "before tanh":
            made = np.tanh(values)
        else:
            made = np.exp(values - values.max(-1, keepdims=True)) if values.ndim else np.ones(())
            made = made / made.sum(-1, keepdims=True) if values.ndim else made
            made = np.log(made) if part == "before log-softmax" else made
        gap = np.abs(np.sort(made, axis=None) - np.sort(output, axis=None))
    return not (gap > _AGREES).any()
