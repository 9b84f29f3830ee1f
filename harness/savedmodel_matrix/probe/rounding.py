"""A copy of a SavedModel in which every operation that rounds does so at random, in its own precision.

Moving only inputs and weights says too little: in a model that computes with 16 bits, one unit in the last
place of a float32 weight vanishes in the cast, and other kernels round every result on the way differently.
So behind each such operation the copy has a few more, which multiply its result, element by element, by
1 - eps to 1 + eps of its type: most elements move by -1, 0 or +1 unit in the last place. In 16 bits it is
half of that, which is what rounding to the nearest number does at most. Zeros stay zero.
Sums of products round on the way as well, and by more than a unit of the sum if their terms cancel. There
one factor of each product moves, by what adding one after the other would round.
"""

import collections

#: Operations that round their first output. Others pass numbers on as they are, choose among them, or call
#: functions. The casts among them round only towards fewer bits.
_NAMES = """
    Add AddN AddV2 Sub Mul MulNoNan Div DivNoNan RealDiv Square SquaredDifference Sqrt Rsqrt Reciprocal Inv
    Pow Exp Expm1 Log Log1p Sin Cos Tan Tanh Atan Atan2 Asin Acos Sinh Cosh Asinh Acosh Atanh
    Erf Erfc Lgamma Digamma Sigmoid Softplus Softsign Elu Selu Softmax LogSoftmax
    MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 SparseMatMul SparseTensorDenseMatMul Einsum
    Conv2D Conv3D DepthwiseConv2dNative Conv2DBackpropInput Conv3DBackpropInputV2 Dilation2D
    BiasAdd BiasAddV1 FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 LRN L2Loss
    Sum Mean Prod EuclideanNorm Cumsum Cumprod AvgPool AvgPool3D
    SegmentSum SegmentMean UnsortedSegmentSum SparseSegmentSum SparseSegmentMean SparseSegmentSqrtN
    ResizeBilinear ResizeBicubic ResizeArea ScaleAndTranslate Cast
"""
ROUNDING = frozenset(_NAMES.split())
#: Sums of products, linear in their second input, with the axes of it that are summed, counted from the last.
#: A matrix product may have its second matrix transposed; Einsum says its axes itself.
_SUMS = {
    "MatMul": (1,),
    "BatchMatMul": (1,),
    "BatchMatMulV2": (1,),
    "BatchMatMulV3": (1,),
    "Einsum": (),
    "Conv2D": (1, 2, 3),
    "Conv3D": (1, 2, 3, 4),
    "DepthwiseConv2dNative": (2, 3),
    "Conv2DBackpropInput": (0, 2, 3),
    "Conv3DBackpropInputV2": (0, 2, 3, 4),
}
_TRANSPOSES = ("transpose_b", "adj_y")
#: What does not pass on the numbers of its inputs, only their shape.
_SHAPES = frozenset(["Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"])
#: The operations of a graph that its numbers come from: inputs and variables.
_SOURCES = frozenset(
    ["Placeholder", "PlaceholderWithDefault", "VariableV2", "Variable", "VarHandleOp", "ParseExample"]
)
#: The distance from 1 to the next number, by types.proto's DT_FLOAT, DT_DOUBLE, DT_BFLOAT16 and DT_HALF.
_EPSILON = {1: 2.0**-23, 2: 2.0**-52, 14: 2.0**-7, 19: 2.0**-10}
_FLOAT_BITS = {1: 32, 2: 64, 14: 16, 19: 16}
#: Kernels add numbers of so few bits in float32, and round only the sum.
_ADDED_IN_MORE = 16
_FLOAT32, _INT32 = 1, 3


def round_at_random(tf, message, seed):
    """Change the message of a SavedModel in place and return how many operations then round at random.

    Each draws its own numbers from ``seed``, and other ones in every run.
    """
    count = 0
    for graph in message.meta_graphs:
        bodies = [_Body(tf, graph.graph_def.node)]
        bodies += [_Body(tf, each.node_def, each) for each in graph.graph_def.library.function]
        for body in bodies:
            for name, node in body.rename(body.rounding()):
                count += 1
                _round(body, name, node, (seed + 1, count))
    return count


class _Body:
    """The nodes of a graph or, with its definition, of a function, to which more nodes can be added."""

    def __init__(self, tf, nodes, function=None):
        self._tf, self._nodes, self.function = tf, nodes, function
        self._names = {node.name for node in nodes}
        self._constants = {}
        # In a loop of TensorFlow 1, a constant runs in the loop only after something else of the loop.
        self._has_frames = any(node.op in ("Enter", "RefEnter") for node in nodes)

    def rounding(self):
        """Return the nodes that round something that depends on inputs or weights, not on shapes alone."""
        takers = collections.defaultdict(list)
        for node in self._nodes:
            for reference in node.input:
                takers[reference.lstrip("^").split(":")[0]].append(node)
        if self.function is None:
            waiting = [node.name for node in self._nodes if node.op in _SOURCES]
        else:
            waiting = [each.name for each in self.function.signature.input_arg]
        found, seen = [], set(waiting)
        while waiting:
            for node in takers[waiting.pop()]:
                if node.name not in seen and node.op not in _SHAPES:
                    seen.add(node.name)
                    waiting.append(node.name)
                    if node.op in ROUNDING and _type_of(node) in _EPSILON:
                        found.append(node)
        return sorted(found, key=lambda node: node.name)

    def rename(self, chosen):
        """Give nodes other names, and return pairs of the free name and the node.

        What named a node's first output names what will have the free name; all else still means the node,
        but control inputs. Functions refer to outputs by their name in the op's definition, graphs by number.
        """
        pairs = [(node.name, node) for node in chosen]
        firsts = {name: _first_output(node.op).name for name, node in pairs}
        exact = {name: self._free(name + "/exact") for name, _ in pairs}
        for name, node in pairs:
            node.name = exact[name]

        def renamed(reference):
            name, *rest = reference.split(":")
            if name not in exact or rest in ([], ["0"]):
                return reference
            if self.function is not None and rest[0] == firsts[name]:
                return name + ":z:0"
            return ":".join([exact[name], *rest])

        for each in self._nodes:
            if any(":" in reference for reference in each.input):
                each.input[:] = [renamed(reference) for reference in each.input]
        if self.function is not None:
            for key, reference in list(self.function.ret.items()):
                self.function.ret[key] = renamed(reference)
        return pairs

    def reference(self, name, output):
        """Return how an input refers to the first output of the node ``name``."""
        return name if self.function is None else "{}:{}:0".format(name, output)

    def add(self, name, op, inputs, types, output="z"):
        """Add a node and return the reference to its output; ``types`` are attributes."""
        made = self._nodes.add()
        made.name, made.op = name, op
        made.input.extend(inputs)
        for key, value in types.items():
            made.attr[key].type = value
        return self.reference(name, output)

    def draw(self, name, shape, dtype, seeds):
        """Add numbers between 0 and 1 of a ``shape``, and return the reference."""
        found = self.add(name, "RandomUniform", [shape], {"dtype": dtype, "T": _INT32}, "output")
        self._nodes[-1].attr["seed"].i, self._nodes[-1].attr["seed2"].i = seeds
        return found

    def constant(self, value, dtype, beside):
        """Return the reference to a constant, added once or, in a graph with loops, beside another node."""
        key = str(value), dtype, beside if self._has_frames else None
        if key not in self._constants:
            name = self._free("rounding/constant_{}".format(len(self._constants)))
            after = ["^" + beside] if self._has_frames else []
            self._constants[key] = self.add(name, "Const", after, {"dtype": dtype}, "output")
            made = self._tf.make_tensor_proto(value, self._tf.as_dtype(dtype))
            self._nodes[-1].attr["value"].tensor.CopyFrom(made)
        return self._constants[key]

    def _free(self, name):
        while name in self._names:
            name += "_"
        self._names.add(name)
        return name


def _type_of(node):
    """Return the number of the type that a node rounds to; ``None`` for a cast to at least as many bits."""
    output = _first_output(node.op)
    to = output.type or node.attr[output.type_attr].type
    if node.op == "Cast" and _FLOAT_BITS.get(to, 64) >= _FLOAT_BITS.get(node.attr["SrcT"].type, 0):
        return None
    return to


def _first_output(op):
    from tensorflow.python.framework import op_def_registry  # no public API describes outputs

    return op_def_registry.get(op).output_arg[0]


def _round(body, name, node, seeds):
    """Let ``name`` be the result of ``node`` times random numbers around 1.

    Control inputs, colocations and signatures that name the node still hold.
    """
    dtype = _type_of(node)
    axes = _summed_axes(node)
    if axes:
        weights = name + "/weights"
        node.input[1] = _rounded(body, weights, weights, node.input[1], dtype, seeds, axes)
    exact = body.reference(node.name, _first_output(node.op).name)
    if node.op == "Erfc" and _FLOAT_BITS[dtype] > _ADDED_IN_MORE:
        # Kernels that fuse GELU compute 1 - erf(x), which rounds where erfc(x) is next to nothing.
        node.op = "Erf"
        other = _rounded(body, name + "/erf", name + "/result", exact, dtype, (seeds[0] + 1, seeds[1]))
        body.add(name, "Sub", [body.constant(1.0, dtype, node.name), other], {"T": dtype})
        return
    _rounded(body, name, name + "/result", exact, dtype, (seeds[0] + 1, seeds[1]))


def _rounded(body, name, stem, exact, dtype, seeds, axes=()):
    """Add a node ``name``, numbers times random ones around 1, and return the reference to it.

    If ``axes`` of them are summed, they move by as much as adding one after the other would round.
    """
    wide, epsilon = dtype, _EPSILON[dtype]
    if _FLOAT_BITS[dtype] <= _ADDED_IN_MORE:
        # 16 bits have no number between 1 and 1 + epsilon, so the product is rounded from float32.
        wide, epsilon = _FLOAT32, epsilon / 2
        exact = body.add(stem + "/wide", "Cast", [exact], {"SrcT": dtype, "DstT": wide}, "y")
    shape_name = stem + "/shape"
    shape = body.add(shape_name, "Shape", [exact], {"T": wide, "out_type": _INT32}, "output")
    drawn = body.draw(stem + "/drawn", shape, wide, seeds)
    if axes and wide == dtype:
        width, least = _of_sum(body, stem, shape, shape_name, dtype, axes)
    else:
        width, least = (body.constant(each, wide, shape_name) for each in (2 * epsilon, 1 - epsilon))
    spread = body.add(stem + "/spread", "Mul", [drawn, width], {"T": wide})
    factors = body.add(stem + "/factors", "AddV2", [spread, least], {"T": wide})
    if wide != dtype:
        product = body.add(stem + "/product", "Mul", [exact, factors], {"T": wide})
        exact = body.add(stem + "/narrow", "Cast", [product], {"SrcT": wide, "DstT": dtype}, "y")
        factors = body.constant(1.0, dtype, shape_name)
    return body.add(name, "Mul", [exact, factors], {"T": dtype})


def _of_sum(body, stem, shape, beside, dtype, axes):
    """Return the width and the least of the factors of n summed products: 1 +- sqrt(n) / 4 * epsilon.

    Adding n products of random signs one after the other rounds partial sums that grow with sqrt(k). The
    rounding of each is 0.29 units in its last place (uniform), a unit 0.72 epsilon of its size on average.
    That adds up to 0.147 n epsilon times the size of a product. The same comes from n products that each
    move by 0.147 sqrt(n) epsilon, which is 0.255 sqrt(n) epsilon, evenly, to either side; at least by one.
    """
    types = {"T": _INT32, "Tidx": _INT32}
    zero = body.constant([0], _INT32, beside)
    backwards = body.add(stem + "/backwards", "ReverseV2", [shape, zero], types, "output")
    which = [body.constant(each, _INT32, beside) for each in (list(axes), 0)]
    gathers = dict.fromkeys(("Tparams", "Tindices", "Taxis"), _INT32)
    sizes = body.add(stem + "/sizes", "GatherV2", [backwards, *which], gathers, "output")
    number = body.add(stem + "/number", "Prod", [sizes, zero], types, "output")
    terms = body.add(stem + "/terms", "Cast", [number], {"SrcT": _INT32, "DstT": dtype}, "y")
    root = body.add(stem + "/root", "Sqrt", [terms], {"T": dtype}, "y")
    quarter, epsilon, one, two = (
        body.constant(each, dtype, beside) for each in (_EPSILON[dtype] / 4, _EPSILON[dtype], 1.0, 2.0)
    )
    each = body.add(stem + "/each", "Mul", [root, quarter], {"T": dtype})
    most = body.add(stem + "/most", "Maximum", [each, epsilon], {"T": dtype})
    width = body.add(stem + "/width", "Mul", [most, two], {"T": dtype})
    return width, body.add(stem + "/least", "Sub", [one, most], {"T": dtype})


def _summed_axes(node):
    """Return the axes of a node's second input that it sums over, counted from the last; empty for none."""
    if node.op == "Einsum":
        inputs, _, result = node.attr["equation"].s.decode().partition("->")
        operands = inputs.split(",")
        second = operands[1][::-1] if len(operands) == 2 else ""
        # Broadcast axes lie before all others, so that they do not change what is counted from the last.
        return tuple(place for place, label in enumerate(second) if label not in result and label.isalpha())
    if any(node.attr[name].b for name in _TRANSPOSES if name in node.attr):
        return (0,)
    return _SUMS.get(node.op, ())
