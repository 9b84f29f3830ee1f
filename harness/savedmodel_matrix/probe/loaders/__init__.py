"""The ways to load a SavedModel and to call it, by name. A new way is one more entry in ``LOADERS``.

A loader has two steps, because their failures are different outcomes: ``load(tf, case)`` returns whatever
must stay referenced while the model runs, and ``entry(tf, loaded, case)`` returns a function that takes the
inputs of one batch (see ``tensors.read_inputs``) and returns the model's output structure.
``variables(loaded, case)`` returns the variables that the entry reads, each with ``dtype`` (TensorFlow's),
``numpy`` and ``assign``. ``initialisation(tf, loaded, case)`` returns what initialised the model and what
its entry reads that has no value (see ``initialisation``), or ``None`` if that cannot happen.
``release(loaded)`` closes what is not freed with the last reference. ``graph(tf, loaded, case, inputs)``
returns the graph that runs for such inputs (``base.Graph``). ``used(loaded, case, variables)`` says for each
of the ``variables`` whether an output depends on it.

All loaders use the signature's names for inputs and outputs, so that a case is comparable across loaders.
"""

from . import keras_model, saved_model, v1_session
from .base import Loader

LOADERS = {
    "saved_model": Loader(
        saved_model.load,
        saved_model.entry,
        saved_model.variables,
        saved_model.initialisation,
        graph=saved_model.graph,
        used=saved_model.used,
    ),
    "v1-session": Loader(
        v1_session.load,
        v1_session.entry,
        v1_session.variables,
        v1_session.initialisation,
        v1_session.release,
        v1_session.graph,
        v1_session.used,
    ),
    "keras": Loader(
        keras_model.load_keras, keras_model.entry, keras_model.variables, graph=keras_model.graph
    ),
    "tf-keras": Loader(
        keras_model.load_tf_keras, keras_model.entry, keras_model.variables, graph=keras_model.graph
    ),
    "tfsm-layer": Loader(
        keras_model.load_layer,
        keras_model.entry_layer,
        keras_model.variables_layer,
        used=keras_model.used_layer,
    ),
}
#: Loaders that build a graph of their own instead of running the one in the file.
REBUILD = ("keras", "tf-keras")
