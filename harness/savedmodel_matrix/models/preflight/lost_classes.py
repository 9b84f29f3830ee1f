"""Which classes of a Keras model each loader loses, from the file.

Seen on 2.12 and 2.21: ``tf.saved_model.load`` restores ``_UserObject`` for all; ``load_model`` of Keras 2
restores its own classes, and for any other one of the same name that runs what was traced
(``keras/saving/legacy/saved_model/load.py``, ``RevivedLayer``); ``TFSMLayer`` has no layers inside. Where
``load_model`` refuses, a rule of ``keras_rules`` says so. A metric of another class is not restored by it
(``_UserObject`` on 2.7, 2.12 and 2.15): it is not listed, because inference does not use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.loader import Loader

if TYPE_CHECKING:
    from savedmodel_matrix.knowledge.ops import Knowledge
    from savedmodel_matrix.models.savedmodel.keras import KerasFacts

_LOAD_MODEL = (Loader.KERAS, Loader.TF_KERAS)


def lost_classes(keras: KerasFacts, loader: Loader, known: Knowledge) -> tuple[str, ...]:
    """Return the classes that are lost unless their code is given, each once, in the order of the file."""
    named = [each for each in keras.objects if each.class_name]
    if loader in _LOAD_MODEL:
        named = [each for each in named if not each.is_metric and not known.is_keras_class(each.class_name)]
    return tuple(dict.fromkeys(each.class_name for each in named))
