"""Where a head that hides small changes begins: the tensor before a final softmax, sigmoid, tanh or argmax.

The graph is walked back from an output, through operations that only pass values on and into the functions
that are called. A graph and the bodies of its functions are read as TensorFlow's messages.
"""

import collections

#: Heads and what they are called. Far from zero, their results hardly move or do not move at all.
SMOOTH = {"Softmax": "softmax", "LogSoftmax": "log-softmax", "Sigmoid": "sigmoid", "Tanh": "tanh"}
#: Heads that only choose: their results say nothing about how far the scores are apart.
CHOICES = {
    "ArgMax": "argmax",
    "ArgMin": "argmin",
    "TopK": "top-k",
    "TopKV2": "top-k",
    "Greater": "threshold",
    "GreaterEqual": "threshold",
    "Less": "threshold",
    "LessEqual": "threshold",
}
_NAMES = """
    Identity IdentityN StopGradient PreventGradient CheckNumerics Snapshot EnsureShape DebugIdentityV2 Print
    Reshape Squeeze ExpandDims Cast Transpose FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars
    QuantizeAndDequantize QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4
"""
#: Operations that pass on values, and the input that they pass on.
_PASSES = dict.fromkeys(_NAMES.split(), 0)
#: Names of classes are looked up by the number that a head has chosen.
_PASSES.update(dict.fromkeys(["GatherV2", "LookupTableFind", "LookupTableFindV2"], 1))
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
#: What a copy that rounds at random (``rounding``) appends to the name of the operation itself.
_EXACT = "/exact"
#: No chain between an output and its head is as long as this.
_MOST_STEPS = 300
_RESULT = "before"
#: Attributes of a function by which TensorFlow would take its copy for another one.
_OF_ITS_OWN = ("api_implements", "api_preferred_device", "forward_function_name", "backward_function_name")

#: A tensor: the names of the call nodes that lead into the function it is in, and its name there.
Place = collections.namedtuple("Place", ["calls", "reference"])
#: A head: what it is called, the place of the tensor before it, and that tensor's type as a number.
Head = collections.namedtuple("Head", ["kind", "place", "dtype"])


class Graph:
    """A graph and its functions, from a ``GraphDef``."""

    def __init__(self, definition):
        self.definition = definition
        self.functions = {each.signature.name: each for each in definition.library.function}
        self._nodes = {None: {node.name: node for node in definition.node}}

    def head(self, reference):
        """Return the head that the tensor ``reference`` of the graph comes from, or ``None``."""
        found = self._found(Place((), reference))
        if found is None:
            return None
        calls, node, output = found
        if node.op in CHOICES:
            if node.op.startswith("TopK") and output not in ("1", "indices"):
                return None
            scores = Place(calls, node.input[0])
            smooth = self._smooth(self._found(scores))
            dtype = node.attr["T"].type
            return Head(CHOICES[node.op], *((smooth.place, smooth.dtype) if smooth else (scores, dtype)))
        return self._smooth(found)

    def source(self, place):
        """Return which operation computes a tensor, whatever passes it on: equal for equal sources."""
        found = self._found(place)
        return found and (found[0], found[1].name, found[2])

    def _smooth(self, found):
        if found is None:
            return None
        calls, node, _ = found
        if node.op in SMOOTH:
            return Head(SMOOTH[node.op], Place(calls, node.input[0]), node.attr["T"].type)
        # Keras writes the softmax of three and more axes out: exp(x - max(x)) / sum(exp(x - max(x))).
        if node.op in ("RealDiv", "Div"):
            above, below = (self._found(Place(calls, each)) for each in node.input[:2])
            if above and below and above[1].op == "Exp" and below[1].op == "Sum":
                summed = self._found(Place(below[0], below[1].input[0]))
                moved = self._found(Place(above[0], above[1].input[0]))
                if summed and moved and summed[:2] == above[:2] and moved[1].op == "Sub":
                    return Head("softmax", Place(moved[0], moved[1].input[0]), node.attr["T"].type)
        return None

    def _found(self, place):
        """Return the calls, the node and the output that a tensor comes from; ``None`` for an unknown one."""
        calls, reference = place
        for _ in range(_MOST_STEPS):
            name, _, output = reference.partition(":")
            function = self._function(calls)
            arguments = [] if function is None else [each.name for each in function.signature.input_arg]
            if name in arguments:
                calls, reference = calls[:-1], self.node(calls).input[arguments.index(name)]
                continue
            nodes = self._of(function)
            node = nodes.get(name + _EXACT, nodes.get(name))
            if node is None:
                return None
            callee = self.callee(node)
            if callee is not None:
                result = _result(callee, output)
                if result is None:
                    return None
                calls, reference = (*calls, node.name), callee.ret[result]
            elif node.op in _PASSES:
                index = int(output.split(":")[-1] or 0) if node.op == "IdentityN" else _PASSES[node.op]
                reference = node.input[index]
            else:
                return calls, node, output.split(":")[0]
        return None

    def node(self, calls):
        """Return the last of the call nodes that lead into a function."""
        return self._of(self._function(calls[:-1]))[calls[-1]]

    def callee(self, node):
        """Return the function that a node calls, or ``None``."""
        return self.functions.get(node.attr["f"].func.name if node.op in _CALLS else node.op)

    def _function(self, calls):
        return self.callee(self.node(calls)) if calls else None

    def _of(self, function):
        name = None if function is None else function.signature.name
        if name not in self._nodes:
            self._nodes[name] = {node.name: node for node in function.node_def}
        return self._nodes[name]

    def graft(self, head):
        """Return a ``GraphDef`` of what has to be added, to compute the tensor before a head, and its name.

        A tensor inside a function is the only result of a copy of the function, which is called once more
        with the same arguments. Nothing that is there is changed.
        """
        added = type(self.definition)()
        calls, reference = head.place
        last = None
        for depth in range(len(calls), 0, -1):
            node, function = self.node(calls[:depth]), self._function(calls[:depth])
            copy = added.library.function.add()
            copy.CopyFrom(function)
            copy.signature.name = self._free(function.signature.name)
            for each in (copy.signature.output_arg, copy.signature.control_output):
                del each[:]
            for each in (copy.ret, copy.control_ret):
                each.clear()
            for name in _OF_ITS_OWN:
                copy.attr.pop(name, None)
            if last is not None:
                copy.node_def.add().CopyFrom(last)
            result = copy.signature.output_arg.add()
            result.name, result.type = _RESULT, head.dtype
            copy.ret[_RESULT] = reference
            last, reference = self._call(node, copy.signature.name, head.dtype)
        if last is not None:
            added.node.add().CopyFrom(last)
            added.node[0].input[:] = [each for each in last.input if not each.startswith("^")]
            reference = last.name
        return added, reference if ":" in reference else reference + ":0"

    def _call(self, node, function, dtype):
        """Return a copy of a call node that calls another function, and how its result is referred to."""
        copy = type(node)()
        copy.CopyFrom(node)
        copy.name = "{}_{}_{}".format(node.name, _RESULT, len(self.functions))
        copy.attr.pop("_output_shapes", None)
        if node.op not in _CALLS:
            copy.op = function
            return copy, "{}:{}:0".format(copy.name, _RESULT)
        copy.attr["f"].func.name = function
        copy.attr["Tout"].list.type[:] = [dtype]
        return copy, copy.name + ":output:0"

    def _free(self, name):
        free = "{}_{}_{}".format(name, _RESULT, len(self.functions))
        self.functions[free] = None  # the name is taken; nothing that is walked calls it
        return free


def _result(function, output):
    """Return the name of a function's result, from how a caller refers to it."""
    results = [each.name for each in function.signature.output_arg]
    name, _, index = output.rpartition(":")
    if name in results:  # a call by the function's own name, inside a function
        return name
    number = int(index or 0)
    return results[number] if number < len(results) else None


def reached(definition, starts):
    """Yield every node that the tensors named ``starts`` are computed from, and those of called functions.

    A function runs whatever in it has an effect, so all of its nodes count.
    """
    functions = {each.signature.name: each for each in definition.library.function}
    nodes = {node.name: node for node in definition.node}
    waiting, seen, called = [nodes[each.split(":")[0]] for each in starts], set(), set()
    while waiting:
        node = waiting.pop()
        yield node
        names = [node.op]
        for value in node.attr.values():
            names += [value.func.name] + [each.name for each in value.list.func]
        for name in set(names) & set(functions) - called:
            called.add(name)
            waiting += functions[name].node_def
        if nodes.get(node.name) is node:
            inputs = {each.lstrip("^").split(":")[0] for each in node.input} - seen
            seen |= inputs
            waiting += [nodes[each] for each in inputs if each in nodes]
