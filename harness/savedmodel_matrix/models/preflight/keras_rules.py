"""Rules for the Keras loaders: ``load_model`` of Keras 2, and ``TFSMLayer`` of Keras 3.

They apply in addition to the others, because Keras loads the same graph. Sources as in ``rules.py``; paths
without a repository are in keras-team/keras 2.15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.knowledge.keras_versions import LEGACY_VARIABLE, comes_with_keras_3, wants_legacy
from savedmodel_matrix.knowledge.ops import order
from savedmodel_matrix.models.preflight.lost_classes import lost_classes
from savedmodel_matrix.models.preflight.prediction import Finding, Stage, some
from savedmodel_matrix.models.savedmodel.endpoints import has_own_inputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.models.preflight.question import Question
    from savedmodel_matrix.models.savedmodel.keras import KerasFacts

#: What the identifiers of Keras's objects begin with.
_OF_KERAS = "_tf_keras_"
_DEFAULT = "serving_default"
#: Up to this minor load_model may look for a layer's metadata in the object graph.
_LAST_WITH_METADATA_IN_GRAPH = (2, 5)


def uses_keras_2(asked: Question) -> bool:
    """Whether the target's loader is the ``load_model`` of Keras 2."""
    if asked.target.loader is Loader.TF_KERAS:
        return True
    if asked.target.loader is not Loader.KERAS:
        return False
    legacy = wants_legacy(asked.target.variables.get(LEGACY_VARIABLE))
    return not comes_with_keras_3(asked.release) or (legacy and asked.target.has("tf-keras"))


def is_of_keras(asked: Question) -> bool:
    """Whether Keras saved the model, so that its ``load_model`` restores one."""
    objects = asked.graph.objects
    by_keras = objects is not None and objects.root.startswith(_OF_KERAS)
    return by_keras or asked.model.files.keras_metadata


def right_keras(asked: Question) -> Iterator[Finding]:
    """Keras 3's ``saving_api.py``, ``File format not supported``; ``TFSMLayer`` is part of Keras 3; seen."""
    if asked.target.loader is Loader.TFSM_LAYER and not comes_with_keras_3(asked.release):
        yield Finding("TFSMLayer is part of Keras 3, which TensorFlow has from 2.16 on", seen=False)
    if asked.target.loader is Loader.TF_KERAS and not asked.target.has("tf-keras"):
        yield Finding("tf-keras is not installed", needs=("tf-keras",))
    if asked.target.loader is Loader.KERAS and not uses_keras_2(asked):
        yield Finding("load_model of Keras 3 does not read SavedModels: File format not supported")


def model_of_tf_1(asked: Question) -> Iterator[Finding]:
    """``saving/legacy/saved_model/load.py``, ``IndexError: list index out of range``; seen."""
    if uses_keras_2(asked) and not asked.model.has_objects:
        yield Finding("load_model needs an object graph, but this model has none")


def no_model_of_keras(asked: Question) -> Iterator[Finding]:
    """``load.py`` returns what ``tf.saved_model.load`` does, which has no ``call``.

    Seen in 2.12 and 2.15 with what ``model.export`` of 2.15 wrote, and in 2.4, 2.7, 2.12 and 2.15 with a
    module of 2.4 that holds a layer.
    """
    objects = asked.graph.objects
    if not uses_keras_2(asked) or objects is None or asked.target.function or _lacks_metadata(asked):
        return
    if not is_of_keras(asked) and not any(each.name == "call" for each in asked.graph.endpoints):
        says = "Keras did not save it as a model, so what load_model restores of it cannot be called"
        yield Finding(says, stage=Stage.RUN)


def other_signature(asked: Question) -> Iterator[Finding]:
    """The harness calls what ``load_model`` restores, whose only call is the model's own; seen in 2.15."""
    target = asked.target
    if not uses_keras_2(asked) or target.function is not None or target.signature in {None, _DEFAULT}:
        return
    says = "load_model restores a model that is called itself, and the case calls signature "
    yield Finding(f"{says}{target.signature!r}", stage=Stage.RUN)


def own_signature(asked: Question) -> Iterator[Finding]:
    """``is incompatible with the layer``: a signature of other inputs than the model's; seen in 2.15."""
    target, signature = asked.target, asked.graph.signatures.get(_DEFAULT)
    if not uses_keras_2(asked) or target.function is not None or target.signature != _DEFAULT:
        return
    if signature is not None and has_own_inputs(asked.graph.functions.functions, signature):
        takes = ", ".join(f"{name} {spec}" for name, spec in signature.inputs.items())
        yield Finding(
            f"load_model restores a model that is called itself, and not its signature, which takes {takes}",
            stage=Stage.RUN,
        )


def no_metadata(asked: Question) -> Iterator[Finding]:
    """``load.py``, ``_read_legacy_metadata``: ``lacks the Keras metadata``; in 2.4 ``JSONDecodeError``.

    Seen in 2.4, 2.7, 2.12 and 2.15 with models of 2.12: from ``model.export`` and ``tf.saved_model.save``,
    and without their ``keras_metadata.pb``; in the last three with a module that holds a layer.
    """
    if uses_keras_2(asked) and _lacks_metadata(asked):
        yield Finding(
            "the model has objects of Keras, but not the metadata that only model.save writes "
            "(keras_metadata.pb)"
        )


def damaged_metadata(asked: Question) -> Iterator[Finding]:
    """``Cannot parse keras metadata``; seen in 2.15."""
    if uses_keras_2(asked) and asked.model.damaged_metadata and asked.release > _LAST_WITH_METADATA_IN_GRAPH:
        yield Finding(asked.model.damaged_metadata)


def _lacks_metadata(asked: Question) -> bool:
    objects = asked.graph.objects
    if asked.model.files.keras_metadata or objects is None:
        return False
    return not all(metadata for _, metadata in objects.keras_metadata)


def metadata_elsewhere(asked: Question) -> Iterator[Finding]:
    """``JSONDecodeError``: no forward compatibility of Keras's metadata; seen with models of 2.6 on."""
    objects = asked.graph.objects
    if not uses_keras_2(asked) or objects is None or asked.release > _LAST_WITH_METADATA_IN_GRAPH:
        return
    elsewhere = not _lacks_metadata(asked) and not any(metadata for _, metadata in objects.keras_metadata)
    if objects.keras_metadata and elsewhere:
        yield Finding("Keras's metadata is only in keras_metadata.pb, which Keras reads from 2.6 on")


def lost_metadata(asked: Question) -> Iterator[Finding]:
    """``load.py``, which restores a plain object if ``keras_metadata.pb`` lists no layers; seen in 2.15."""
    keras = asked.model.keras
    if not uses_keras_2(asked) or keras is None or asked.release <= _LAST_WITH_METADATA_IN_GRAPH:
        return
    if (
        asked.model.files.keras_metadata
        and keras.objects
        and not any(each.class_name for each in keras.objects)
    ):
        yield Finding("keras_metadata.pb is empty, so Keras restores none of its layers", stage=Stage.RUN)


def custom_classes(asked: Question) -> Iterator[Finding]:
    """``KerasObjectLoader._revive_custom_object``, ``Unable to restore custom object``.

    A custom layer or model without its class is restored as a callable stand-in, unless it asks to be
    restored from its configuration. Custom metrics and losses are no obstacle: with ``compile=False``, as the
    harness loads, Keras leaves them out; seen in 2.4, 2.7, 2.12 and 2.15. Not predicted: in 2.4, a layer
    that calls a custom metric of its own gets ``training=None``, with which it was not traced.
    """
    if not uses_keras_2(asked) or asked.model.keras is None:
        return
    if asked.minor == "2.4" and asked.model.files.keras_metadata:
        return
    for each in asked.model.keras.objects:
        if each.needs_class and each.class_name and not asked.known.is_keras_class(each.class_name):
            provider = asked.known.provider_of_class(each.class_name)
            if provider is None or not asked.target.has(provider.package):
                needed = provider.needs if provider else f"the module of {each.class_name}"
                yield Finding(
                    f"{each.name or each.identifier} is of class {each.class_name}", needs=(needed,)
                )


def untraced_classes(asked: Question) -> Iterator[Finding]:
    """``Cannot call custom layer``: saved with ``save_traces=False``; seen with 2.7, 2.12 and 2.15."""
    keras = asked.model.keras
    traced = any(each.name == "__call__" for each in asked.graph.endpoints)
    if not uses_keras_2(asked) or keras is None or traced or asked.target.brings:
        return
    for name in _replaced(asked, keras):
        provider = asked.known.provider_of_class(name)
        if provider is None or not asked.target.has(provider.package):
            yield Finding(
                f"what {name} computes was not saved (save_traces=False)", needs=(f"the module of {name}",)
            )


def stand_ins(asked: Question) -> Iterator[str]:
    """Yield a note on layers and models that are restored without their class."""
    keras = asked.model.keras
    if not uses_keras_2(asked) or keras is None or asked.target.brings or any(untraced_classes(asked)):
        return
    if replaced := _replaced(asked, keras):
        says = "it runs what was traced; `modules` keeps the class"
        yield f"Keras restores a stand-in for {some(replaced)}: {says}"


def _replaced(asked: Question, keras: KerasFacts) -> list[str]:
    """Return the classes of layers and models that get a stand-in."""
    needed = {each.class_name for each in keras.objects if each.needs_class}
    return [name for name in lost_classes(keras, asked.target.loader, asked.known) if name not in needed]


def newer_keras(asked: Question) -> Iterator[str]:
    """Yield a warning if a newer Keras 2 wrote the layers' configurations."""
    keras = asked.model.keras
    if not uses_keras_2(asked) or keras is None or keras.version is None:
        return
    written = keras.version.split(".")[:2]
    if all(part.isdecimal() for part in written) and order(".".join(written)) > asked.release:
        yield f"Keras {keras.version} wrote the layers' configurations, which an older Keras may not read"


RULES = (
    right_keras, model_of_tf_1, no_model_of_keras, other_signature, own_signature, no_metadata,
    metadata_elsewhere, lost_metadata, damaged_metadata,
    custom_classes, untraced_classes,
)  # fmt: skip
