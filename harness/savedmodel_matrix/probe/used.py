"""Which variables of a graph its outputs depend on, through functions, branches, loops and writes.

A variable that is held to be unused must be: what is unclear counts as used. Two things are followed. What
*runs* for the outputs is all that leads to them, also by control inputs, and in functions what has state.
What *matters* are the values that reach an output, and those that operations with effects take: a written
value only if the variable is used, a check or anything unknown always. So a variable that is only read, or
only counts calls, is unused.
"""

from . import rounding

#: Operations that have no effect whatever their inputs' values are.
_NAMES = """
    Abs Const DisableCopyOnRead Identity IdentityN LeakyRelu Maximum Minimum Neg NoOp Placeholder
    PlaceholderWithDefault ReadVariableOp Relu Relu6 StopGradient VarHandleOp Variable VariableV2
"""
_HARMLESS = rounding.ROUNDING | frozenset(_NAMES.split())
#: Operations whose outputs do not depend on the values of their inputs.
_SHAPES = frozenset(
    ["OnesLike", "Rank", "Shape", "ShapeN", "Size", "VarIsInitializedOp", "VariableShape", "ZerosLike"]
)
#: Operations that change the variable that is their first input, and nothing else.
_WRITES = frozenset(["AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp"])
_CALLS = frozenset(["PartitionedCall", "StatefulPartitionedCall"])
_BRANCHES = {
    "If": ("then_branch", "else_branch"),
    "StatelessIf": ("then_branch", "else_branch"),
    "Case": ("branches",),
    "StatelessCase": ("branches",),
}
_LOOPS = frozenset(["While", "StatelessWhile"])
#: TensorFlow 1's control flow: what a control input leads to is skipped with it.
_SWITCHES = frozenset(["Switch", "RefSwitch", "Merge", "RefMerge"])
_HOLDERS = frozenset(["VarHandleOp", "Variable", "VariableV2"])
#: Nodes in all bodies that are entered; each call of a function is a body.
_MOST_NODES = 2000000


def has_state(operation):
    """Whether operations of this type are run although nothing takes their outputs."""
    from tensorflow.python.framework import op_def_registry  # no public API describes operations

    known = op_def_registry.get(operation)
    return known is None or known.is_stateful


def used(definition, outputs, sources, is_function, fed=()):
    """Return those of ``sources``, names of nodes, that the tensors ``outputs`` depend on.

    ``definition`` is a GraphDef: that of a function, which runs all that has state, or one of TensorFlow 1,
    of which only what leads to the outputs runs. The tensors ``fed`` have values of their own.
    """
    reach = _Reach(definition, sources, fed)
    try:
        if is_function:
            reach.run_state(reach.top)
        for name in outputs:
            reach.value(reach.top, name)
        reach.follow()
    except _UnclearError:
        return set(sources)
    inside = {_holder(node) for each in reach.functions.values() for node in each.node_def if _holds(node)}
    named = {name: _holder(reach.top.nodes[name]) for name in sources if name in reach.top.nodes}
    found = {named[name] for name in reach.found if name in named} | inside
    return {name for name in sources if name not in named or named[name] in found}


class _UnclearError(Exception):
    """A graph that cannot be followed."""


class _Body:
    """A graph, or a function as one node of another body calls it.

    The node's inputs from ``offset`` on are its arguments, and in later steps of a loop the results of
    ``loop``.
    """

    def __init__(self, nodes, function=None, outer=None, node=None, offset=0, loop=None):
        self.nodes = {each.name: each for each in nodes}
        self.arguments, self.results, self.controls = {}, [], []
        if function is not None:
            listed = function.signature.input_arg
            self.arguments = {each.name: index for index, each in enumerate(listed)}
            self.results = [function.ret[each.name] for each in function.signature.output_arg]
            self.controls = list(function.control_ret.values())
        self.outer, self.node, self.offset, self.loop = outer, node, offset, loop
        self.is_switched = any(each.op in _SWITCHES for each in nodes)


class _Reach:
    """What runs and what matters, followed from the outputs until nothing is new."""

    def __init__(self, definition, sources, fed):
        self.functions = {each.signature.name: each for each in definition.library.function}
        self.top = _Body(definition.node)
        self.found = set()
        self._sources, self._fed = set(sources), set(fed)
        self._bodies, self._left = {}, _MOST_NODES
        self._read, self._writes = set(), {}  # variables that matter, and what is written to others
        self._seen, self._waiting = set(), []

    def value(self, body, name):
        """Let the value of a tensor matter."""
        self._add(("value", body, name))
        self.run(body, name)

    def run(self, body, name):
        """Let a node run."""
        self._add(("run", body, name.lstrip("^").split(":")[0]))

    def follow(self):
        """Follow what was added."""
        while self._waiting:
            kind, body, name = self._waiting.pop()
            if kind == "value":
                self._value(body, name)
            else:
                self._run(body, name)

    def _add(self, item):
        key = (item[0], id(item[1]), item[2])
        if key not in self._seen:
            self._seen.add(key)
            self._waiting.append(item)

    def _value(self, body, name):
        parts = name.lstrip("^").split(":")
        number = int(parts[-1]) if len(parts) > 1 else 0
        if body is self.top and "{}:{}".format(parts[0], number) in self._fed:
            return
        if parts[0] in body.arguments:
            for outer, each in self._given(body, body.arguments[parts[0]]):
                self.value(outer, each)
            return
        node = body.nodes.get(parts[0])
        if node is None:
            raise _UnclearError
        if body is self.top and node.name in self._sources:
            self._mark(node)
        inner = self._entered(body, node)
        if inner is None:
            self._values_of(body, node)
        else:
            place = self._place(node, parts, number)
            for each in inner:
                self.value(each, each.results[place])
            if node.op in _LOOPS:
                self.value(body, _data(node)[place])
            self._choice(body, node)
        if body.is_switched:
            for each in node.input:
                if each.startswith("^"):
                    self.value(body, each[1:])

    def _values_of(self, body, node):
        if node.op not in _SHAPES:
            for each in _data(node):
                self.value(body, each)

    def _place(self, node, parts, number):
        """Return the place of a tensor among all outputs of a call."""
        if len(parts) == 3 and node.op in self.functions:
            names = [each.name for each in self.functions[node.op].signature.output_arg]
            return names.index(parts[1])
        return number

    def _choice(self, body, node):
        """Let matter what decides which branch runs, or how often a loop does."""
        if node.op in _BRANCHES:
            self.value(body, _data(node)[0])
        elif node.op in _LOOPS:
            condition = self._bodies[id(body), node.name, "cond"]
            self.value(condition, condition.results[0])
            self._run_body(condition)

    def _run(self, body, name):
        node = body.nodes.get(name)
        if node is None:  # an argument: what gives it runs with the call
            return
        if not (body is self.top and name + ":0" in self._fed):
            for each in node.input:
                self.run(body, each)
        inner = self._entered(body, node)
        if inner is not None:
            for each in inner:
                self._run_body(each)
            self._choice(body, node)
            return
        if node.op in _HARMLESS or node.op in _SHAPES:
            return
        holder = self._root(body, _data(node)[0]) if node.op in _WRITES else None
        if holder is None or holder in self._read:
            self._values_of(body, node)
        else:
            self._writes.setdefault(holder, []).append((body, node))

    def _mark(self, node):
        """Let a variable be used, and so what is written to it."""
        self.found.add(node.name)
        holder = _holder(node)
        self._read.add(holder)
        for body, write in self._writes.pop(holder, ()):
            self._values_of(body, write)

    def _run_body(self, body):
        for each in body.results + body.controls:
            self.run(body, each)
        self.run_state(body)

    def run_state(self, body):
        """Let the nodes run that run in every call of a function."""
        for name, node in body.nodes.items():
            if has_state(node.op):
                self.run(body, name)

    def _root(self, body, name):
        """Return the source that a handle stands for; ``None`` if that is unclear."""
        while True:
            name = name.split(":")[0]
            if name in body.arguments:
                given = list(self._given(body, body.arguments[name]))
                if len(given) != 1:
                    return None
                body, name = given[0]
                continue
            node = body.nodes.get(name)
            if node is None:
                return None
            if body is self.top and name in self._sources:
                return _holder(node)
            if node.op != "Identity":
                return None
            name = node.input[0]

    def _given(self, body, index):
        """Yield the tensors that are an argument of a body, each with its own body."""
        yield body.outer, _data(body.node)[index + body.offset]
        if body.loop is not None:
            yield body.loop, body.loop.results[index]

    def _entered(self, body, node):
        """Return the bodies that give a node's outputs; ``None`` for a node that calls nothing known."""
        if node.op in _CALLS:
            return [self._body(body, node, "f", node.attr["f"].func.name)]
        if node.op in self.functions:
            return [self._body(body, node, "f", node.op)]
        if node.op in _LOOPS:
            inner = self._body(body, node, "body", node.attr["body"].func.name)
            inner.loop = inner
            condition = self._body(body, node, "cond", node.attr["cond"].func.name)
            condition.loop = inner
            return [inner]
        if node.op in _BRANCHES:
            names = []
            for key in _BRANCHES[node.op]:
                value = node.attr[key]
                names += [each.name for each in [value.func, *value.list.func] if each.name]
            return [self._body(body, node, str(at), name, 1) for at, name in enumerate(names)]
        return None

    def _body(self, outer, node, role, name, offset=0):
        key = (id(outer), node.name, role)
        if key not in self._bodies:
            if name not in self.functions or self._left < 0:
                raise _UnclearError
            function = self.functions[name]
            self._left -= len(function.node_def)
            self._bodies[key] = _Body(function.node_def, function, outer, node, offset)
        return self._bodies[key]


def _data(node):
    return [each for each in node.input if not each.startswith("^")]


def _holds(node):
    return node.op in _HOLDERS


def _holder(node):
    """Return what tells a variable from others: operations of one shared name are one."""
    if not _holds(node):
        return node.name
    return (node.attr["shared_name"].s.decode("utf-8", "replace") or node.name,)
