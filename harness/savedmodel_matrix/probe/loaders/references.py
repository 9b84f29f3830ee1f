"""Reference-typed variables of a TensorFlow 1 graph that TensorFlow 2 has loaded: nodes, and no objects."""

OPERATIONS = ("VariableV2", "Variable")


class Reference:
    """A reference-typed variable, with the subset of ``tf.Variable`` that changing it needs.

    Its state belongs to the name of its node, so that every function pruned from the graph has the same.
    """

    def __init__(self, tf, loaded, operation):
        held = loaded.graph.get_operation_by_name(operation.name).outputs[0]
        self.dtype, self.name = operation.get_attr("dtype"), operation.name
        self._constant = tf.constant
        with loaded.graph.as_default():
            value = tf.compat.v1.placeholder(self.dtype)
            assigned = tf.identity(tf.compat.v1.assign(held, value, validate_shape=False))
            self._read = loaded.prune([], tf.identity(held))
        self._assign = loaded.prune([value], assigned)

    def numpy(self):
        return self._read().numpy()

    def assign(self, value):
        self._assign(self._constant(value, self.dtype))


def references(tf, loaded, graph):
    """Return the variables among the nodes of ``graph``, which is a part of the loaded model's."""
    found = []
    for operation in graph.get_operations():
        if operation.type in OPERATIONS:
            variable = Reference(tf, loaded, operation)
            try:
                variable.numpy()
            except tf.errors.FailedPreconditionError:
                continue  # never initialised, so no run has read it
            found.append(variable)
    return found
