"""Write models with used and unused variables: ``python used_models.py FOLDER HARNESS``.

Every variable is named ``used...`` or ``unused...`` by how its model is built. Those of the models
``drawn...`` are named by number, and used as a random program will. Writes ``FOLDER/found.json``: for each
model and loader, ``{"held": {variable: whether it is held to be used}, "steady": whether two runs agree,
"shows": whether an output changes when all others are 1e30 or NaN, "moves": whether one changes with the
variable ``used``}``.
"""

import json
import random
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
X = tf.TensorSpec([None, 4], tf.float32, name="x")
INPUT = np.random.RandomState(1).normal(size=(3, 4)).astype("f4")


def module_with(*names):
    """Return a module with one variable a name."""
    module = tf.Module()
    for number, name in enumerate(names):
        values = np.random.RandomState(number).normal(size=(4,)).astype("f4")
        setattr(module, name, tf.Variable(values, name=name))
    return module


def branches():
    """Variables of branches, conditions and their unused results."""
    m = module_with("used_then", "used_else", "used_condition", "unused_then", "unused_result")

    @tf.function(input_signature=[X])
    def call(x):
        def first():
            m.unused_then.read_value()
            return x + m.used_then, x * m.unused_result

        y, _ = tf.cond(
            tf.reduce_sum(m.used_condition) > 0, first, lambda: (x - m.used_else, x * m.unused_result)
        )
        return {"y": y}

    return m, call


def loops():
    """Variables of loops: of the body, of the condition, carried along and only read."""
    m = module_with("used_body", "used_limit", "used_start", "unused_carried", "unused_read", "used_list")

    @tf.function(input_signature=[X])
    def call(x):
        def body(step, y, other, array):
            m.unused_read.read_value()
            return step + 1, y + m.used_body, other * 2.0, array.write(step, y * m.used_list)

        def condition(step, y, other, array):
            return tf.cast(step, tf.float32) < 3 + tf.abs(m.used_limit[0])

        array = tf.TensorArray(tf.float32, 0, dynamic_size=True, element_shape=[None, 4])
        start = (0, x + m.used_start, x * m.unused_carried, array)
        _, y, _, array = tf.while_loop(condition, body, start)
        return {"y": y, "all": array.stack()}

    return m, call


def written():
    """Variables that are written: read again, or only counted in."""
    m = module_with("used_state", "used_added", "unused_counter", "unused_source", "used_checked")

    @tf.function(input_signature=[X])
    def call(x):
        m.unused_counter.assign_add(m.unused_source)
        before = m.used_state.read_value()
        m.used_state.assign(m.used_added * 2.0)
        with tf.control_dependencies([tf.debugging.assert_all_finite(m.used_checked, "not finite")]):
            return {"y": x + before + m.used_state.read_value()}

    return m, call


def nested():
    """Variables behind functions of functions, of which one result is used; and behind shapes."""
    m = module_with("used_inner", "unused_inner", "unused_shape", "used_twice", "used_gradient")

    @tf.function
    def inner(x, a, b):
        return x * a, x * b

    @tf.function
    def outer(x):
        y, other = inner(x, m.used_inner, m.unused_inner)
        z, _ = inner(y, m.used_twice, other)
        return z, other

    @tf.function(input_signature=[X])
    def call(x):
        z, _ = outer(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(x * x * m.used_gradient)
        shape = tf.cast(tf.shape(m.unused_shape)[0], tf.float32) + tf.reduce_sum(
            tf.zeros_like(m.unused_shape)
        )
        return {"y": z * shape, "g": tape.gradient(loss, x)}

    return m, call


def drawn(seed):
    """A random program over eight variables, some of which it does not use."""
    draw = random.Random(seed)
    names = [f"v{number}" for number in range(8)]
    m = module_with(*names)

    def value(depth, x):
        kind = draw.choice(
            ["v", "v", "x", "add", "cond", "while", "call", "assign", "dead", "list", "switch"]
        )
        variable = getattr(m, draw.choice(names))
        if depth == 0 or kind == "v":
            return x + variable
        if kind == "x":
            return x
        if kind == "add":
            return value(depth - 1, x) + value(depth - 1, x)
        if kind == "cond":
            other = draw.random() < 0.5
            return tf.cond(
                tf.reduce_sum(variable) > 0,
                lambda: value(depth - 1, x),
                lambda: value(depth - 1, x) if other else x,
            )
        if kind == "while":
            return tf.while_loop(
                lambda i, y, z: i < 2, lambda i, y, z: (i + 1, value(depth - 1, y), z * variable), (0, x, x)
            )[draw.choice([1, 2])]
        if kind == "call":
            return tf.function(lambda z: (value(depth - 1, z), value(depth - 1, z)))(x)[draw.choice([0, 1])]
        if kind == "assign":
            getattr(m, draw.choice(names)).assign(tf.reduce_mean(value(depth - 1, x), 0) * 0.5)
            return x * 1.0
        if kind == "list":
            listed = tf.TensorArray(tf.float32, 2, element_shape=[None, 4])
            listed = listed.write(0, value(depth - 1, x)).write(1, x * variable)
            return listed.read(draw.choice([0, 1]))
        if kind == "switch":
            return tf.switch_case(
                tf.cast(tf.reduce_sum(x) > 0, tf.int32), [lambda: value(depth - 1, x), lambda: x * 2.0]
            )
        value(depth - 1, x)
        return x

    @tf.function(input_signature=[X])
    def call(x):
        return {"y": value(4, x)}

    return m, call


def write_v1(folder, kind):
    """Write a TensorFlow 1 graph with variables of one kind, two signatures and a training step."""
    with tf.Graph().as_default():

        def variable(name, number):
            values = np.random.RandomState(number).normal(size=(4,)).astype("f4")
            return v1.get_variable(name, initializer=values, use_resource=kind == "resource")

        x = v1.placeholder(tf.float32, [None, 4], name="x")
        used, other, slot = variable("used", 1), variable("unused_other", 2), variable("unused_slot", 3)
        condition = variable("used_condition", 4)
        y = tf.cond(tf.reduce_sum(condition) > 0, lambda: x * used, lambda: x)
        with tf.control_dependencies([tf.identity(variable("unused_read", 5))]):
            y = tf.identity(y)
        z = x + other
        v1.assign(slot, slot * 0.9 + 0.1)
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            define = v1.saved_model.predict_signature_def
            signatures = {"serving_default": define({"x": x}, {"y": y}), "other": define({"x": x}, {"z": z})}
            builder = v1.saved_model.Builder(folder)
            builder.add_meta_graph_and_variables(session, ["serve"], signatures)
            builder.save()


def looked_at(loaders, tensors, folder, loader):
    """Return which variables of a model are held to be used, and whether changing all others shows."""
    loader = loaders.LOADERS[loader]
    case = {"model": folder, "signature": None, "function": None, "tags": None, "feed": {}, "call": None}
    inputs = {"x": {None: tf.constant(INPUT)}}

    def outputs(number, chosen=None):
        # Loaded anew, because some of the models write to their variables.
        loaded = loader.load(tf, case)
        entry = loader.entry(tf, loaded, case)
        variables = loader.variables(loaded, case)
        used = loader.used(loaded, case, variables)
        held = {each.name.split(":")[0]: used[at] for at, each in enumerate(variables)}
        for variable, name in zip(variables, held):  # noqa: B905 - runs on Python 3.8
            if number is not None and (name == chosen if chosen else not held[name]):
                variable.assign(np.full_like(variable.numpy(), number))
        leaves = [leaf for _ in range(2) for leaf in tensors.flatten_arrays(entry(inputs))]
        loader.release(loaded)
        return held, [np.asarray(leaf[2]).tobytes() for leaf in leaves]

    held, before = outputs(None)
    is_steady = outputs(None)[1] == before
    changed = [number for number in (1e30, float("nan")) if outputs(number)[1] != before]
    return {
        "held": held,
        "steady": is_steady,
        "shows": bool(changed),
        "moves": outputs(0.37, "used")[1] != before,
    }


def main(folder, harness):
    """Write the models and print what is held of their variables."""
    sys.path.insert(0, str(Path(harness) / "savedmodel_matrix"))
    from probe import loaders, tensors

    models = {each.__name__: each for each in (branches, loops, written, nested)}
    models.update({f"drawn{seed}": lambda seed=seed: drawn(seed) for seed in range(12)})
    for name, make in models.items():
        module, call = make()
        tf.saved_model.save(module, str(Path(folder) / name), call.get_concrete_function())
    for kind in ("reference", "resource"):
        write_v1(str(Path(folder) / kind), kind)
    found = {
        f"{name} {loader}": looked_at(loaders, tensors, str(Path(folder) / name), loader)
        for name in [*models, "reference", "resource"]
        for loader in ("saved_model", "v1-session")
    }
    (Path(folder) / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
