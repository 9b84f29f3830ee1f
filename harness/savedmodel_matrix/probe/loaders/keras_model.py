"""Keras's own loaders: ``load_model`` of two Keras packages, and a SavedModel as a Keras 3 layer.

A model is called as ``predict`` calls it: for inference and in a graph, so that settings affect it as they
affect a signature. It is loaded uncompiled, because inference needs no losses or optimizers.
"""

import collections.abc
import inspect
import os

from .. import local, tensors, texts
from . import base


def load_keras(tf, case):
    """``tf.keras.models.load_model``, whichever Keras that is in this environment."""
    return _load(tf.keras, case)


def load_tf_keras(tf, case):  # noqa: ARG001 - the form of every loader
    """``tf_keras.models.load_model``: Keras 2 as a separate package."""
    return _load(_package("tf_keras", "tf-keras"), case)


def load_layer(tf, case):  # noqa: ARG001 - as above
    """``keras.layers.TFSMLayer``: a signature or function of the SavedModel as a layer."""
    keras = _package("keras", "Keras")
    if not hasattr(keras.layers, "TFSMLayer"):
        text = "Keras {} has no TFSMLayer, which came with Keras 3"
        raise texts.PlainError(text.format(getattr(keras, "__version__", "without a version")))
    endpoint = case["endpoint"] or case["function"] or case["signature"] or base.DEFAULT_SIGNATURE
    return keras.layers.TFSMLayer(case["model"], call_endpoint=endpoint)


def _package(module, name):
    """Import and return the package ``module``. If it is installed but broken, its own error is raised."""
    try:
        return __import__(module)
    except ImportError as error:
        if error.name != module:
            raise
        raise texts.PlainError("{} is not installed in this environment".format(name)) from error


def _load(keras, case):
    objects = local.custom_objects(local.imported(case["modules"]), keras.layers.Layer)
    return keras.models.load_model(case["model"], custom_objects=objects, compile=False)


def entry(tf, model, case):
    """Return a function that calls the model, or the attribute that the case names."""
    if case["function"] is not None:
        return base.function_of(tf, model, case["function"], case["call"])
    if case["signature"] not in (None, base.DEFAULT_SIGNATURE):
        text = "signature {!r} cannot be called by a Keras loader: it calls the model itself"
        raise base.NoSuchEntryError(text.format(case["signature"]))
    if not hasattr(model, "call") and _is_empty(os.path.join(case["model"], "keras_metadata.pb")):
        text = "keras_metadata.pb is empty, so Keras restored no layer; copy the model again from its source"
        raise base.NoSuchEntryError(text)
    if not hasattr(model, "call"):
        raise base.NoSuchEntryError("it was not saved by Keras, so what Keras loads of it cannot be called")
    forward = _forward(tf, model)

    def call(inputs):
        return named(tf, forward(_placed_in(tf, model, inputs)), getattr(model, "output_names", None))

    return call


def graph(tf, model, case, inputs):
    """Return the graph that Keras builds of the model (``base.Graph``)."""
    if case["function"] is not None:
        return base.graph_of_function(tf, base.attribute(model, case["function"]), case["call"], inputs)
    concrete = _forward(tf, model).get_concrete_function(_placed_in(tf, model, inputs))
    outputs = concrete.structured_outputs
    known = named(tf, outputs, getattr(model, "output_names", None))
    names = [name for name, _, _ in tensors.flatten(known)] if known is outputs else list(known)

    def flat(given):
        return tf.nest.flatten(_placed_in(tf, model, given), expand_composites=True)

    return base.graph_of(tf, concrete, names, flat)


def _forward(tf, model):
    """Return the model's call for inference, in a graph."""
    options = {"training": False} if _takes_training(model) else {}

    @tf.function
    def forward(inputs):
        return model(inputs, **options)

    return forward


def _placed_in(tf, model, inputs):
    """Return the inputs of one batch in the structure that the model expects."""
    values = {name: tensors.composite(tf, components) for name, components in inputs.items()}
    return arranged(tf, model, values)


def _is_empty(path):
    """Whether a file is there, and has no content."""
    return os.path.isfile(path) and os.path.getsize(path) == 0


def _takes_training(model):
    """Whether the model's ``call`` has a parameter ``training``; Keras handles it otherwise."""
    try:
        parameters = inspect.signature(model.call).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(each.name == "training" or each.kind is each.VAR_KEYWORD for each in parameters)


def arranged(tf, model, values):
    """Return the inputs ``values``, by name, in the structure that the model expects."""
    structure, names = _expected(tf, model)
    if structure is None:
        return next(iter(values.values())) if len(values) == 1 else values
    if len(names) == len(values) == 1:
        return tf.nest.pack_sequence_as(structure, list(values.values()))
    if set(names) != set(values):
        text = "the model takes the inputs {}; the case gives {}"
        raise texts.PlainError(text.format(", ".join(map(str, names)), ", ".join(values)))
    return tf.nest.pack_sequence_as(structure, [values[name] for name in names])


def _expected(tf, model):
    """Return the structure of a model's inputs and their names in its order; ``None`` if unknown."""
    structure = getattr(model, "input", None)  # a functional or sequential model
    if structure is None and hasattr(model, "save_spec"):
        spec = model.save_spec()  # a subclassed model: from its last call before it was saved
        structure = spec[0][0] if spec else None
    if structure is None:
        return None, []
    names = getattr(model, "input_names", None) or [leaf.name for leaf in tf.nest.flatten(structure)]
    return structure, names


def named(tf, outputs, names):
    """Return a dict of the outputs, with the names that Keras 2 gives them in a signature."""
    leaves = tf.nest.flatten(outputs)
    if names is not None and len(names) == len(leaves):
        return dict(zip(names, leaves))
    if isinstance(outputs, collections.abc.Mapping):
        return outputs
    return {"output_{}".format(number): leaf for number, leaf in enumerate(leaves, 1)}


def variables(loaded, case):  # noqa: ARG001 - the form of every loader
    """Return the weights of the model."""
    # Keras 3 weights wrap the variable, and have their own type.
    return [getattr(each, "value", each) if isinstance(each.dtype, str) else each for each in loaded.weights]


def entry_layer(tf, layer, case):
    """Return a function that calls the layer.

    The layer passes on its first argument by position, so a signature of several inputs cannot be called. A
    function gets its inputs in the structure that it was traced with. The outputs of an endpoint that the
    case names instead of the signature have the signature's names.
    """

    def call(inputs):
        values = {name: tensors.composite(tf, components) for name, components in inputs.items()}
        first, rest = _placed(tf, case["call"], values) or _arguments(tf, layer, values)
        outputs = layer(first, **rest)
        return outputs if case["endpoint"] is None else _named_as_signature(tf, layer, case, outputs)

    return call


def _placed(tf, call, values):
    """Return the arguments of the case's call of a function, which the layer takes; None if it has none.

    The layer passes on the first and further tensors by name; Python values are left to their defaults.
    """
    if call is None or not call["positional"] or set(base.taken(call)) != set(values):
        return None
    named = dict(zip(call["names"][1:], call["positional"][1:]))
    named.update(call["keywords"])
    rest = {name: base.built(tf, each, values) for name, each in named.items() if base.taken_by(each)}
    return base.built(tf, call["positional"][0], values), rest


def _arguments(tf, layer, values):
    """Return the first argument and the keyword arguments of the layer for the inputs ``values``, by name."""
    for function in _functions(layer):
        arguments = function.structured_input_signature[0]
        if not arguments or not values:
            break
        leaves = tf.nest.flatten(arguments[0])
        if _are(leaves, values):
            return tf.nest.pack_sequence_as(arguments[0], [values[leaf.name] for leaf in leaves]), {}
        specs = [each for each in arguments if isinstance(each, tf.TensorSpec)]
        if _are(specs, values):
            rest = {spec.name: values[spec.name] for spec in specs[1:]}
            return values[specs[0].name], rest
    return next(iter(values.values())) if len(values) == 1 else values, {}


def _are(specs, values):
    """Whether ``specs`` are the inputs ``values``, by name."""
    names = [getattr(spec, "name", None) for spec in specs]
    return len(names) == len(values) and set(names) == set(values)


def _named_as_signature(tf, layer, case, outputs):
    """Return the outputs; a bare tensor with the name of the signature's only output."""
    signatures = getattr(getattr(layer, "_reloaded_obj", None), "signatures", None) or {}
    wanted = case["signature"] or base.DEFAULT_SIGNATURE
    if wanted not in signatures or not tf.is_tensor(outputs):
        return outputs
    names = list(signatures[wanted].structured_outputs)
    return {names[0]: outputs} if len(names) == 1 else outputs


def variables_layer(loaded, case):  # noqa: ARG001 - as above
    """Return the variables that the layer's function reads; the layer's weights are copies of them."""
    return base.captured(_functions(loaded))


def used_layer(loaded, case, variables):  # noqa: ARG001 - as above
    """Return for each of the ``variables`` whether the outputs depend on it."""
    return base.used_by(_functions(loaded), variables)


def _functions(layer):
    """Return the concrete functions of the layer's endpoint."""
    return getattr(layer.call_endpoint_fn, "concrete_functions", [layer.call_endpoint_fn])
