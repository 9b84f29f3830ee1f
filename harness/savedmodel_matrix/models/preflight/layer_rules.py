"""Rules for TFSMLayer, which calls one function of a SavedModel.

Source: ``TFSMLayer`` in keras-team/keras 3.4 and 3.13, ``src/export/tfsm_layer.py``: ``call`` passes its
first argument on by position and keeps ``training`` for itself. Each failure is seen on TensorFlow 2.16, 2.18
and 2.21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.domain.wording import joined, shortened
from savedmodel_matrix.knowledge.keras_versions import comes_with_keras_3
from savedmodel_matrix.models.preflight.prediction import Finding, Stage, some
from savedmodel_matrix.models.savedmodel.endpoints import at_once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.models.preflight.question import Question
    from savedmodel_matrix.models.savedmodel.reader import Signature

_DEFAULT = "serving_default"
_TRAINING = "training"
#: Names that are all named, and the characters of each.
_FEW = 4
_LONGEST_NAME = 50


def endpoint_missing(asked: Question) -> Iterator[Finding]:
    """``TFSMLayer.__init__``, ``The endpoint ... is neither an attribute``."""
    if not _is_layer(asked) or (name := _called(asked)) is None:
        return
    functions = [each.name for each in asked.graph.endpoints]
    if name not in functions and name not in asked.graph.signatures:
        have = some([*asked.graph.signatures, *functions]) or "none"
        yield Finding(f"the model has no endpoint {name!r} for TFSMLayer; it has: {have}")


def one_argument(asked: Question) -> Iterator[Finding]:
    """``TFSMLayer.call``: ``too many positional arguments``, ``missing a required argument: 'training'``."""
    if not _is_layer(asked) or (name := _called(asked)) is None:
        return
    function = next((each for each in asked.graph.endpoints if each.name == name), None)
    signature = asked.graph.signatures.get(name)
    if function is not None:
        if _TRAINING in function.required:
            says = f"{name!r} needs {_TRAINING}, which TFSMLayer does not pass on"
            yield Finding(says, stage=Stage.RUN)
    elif signature is not None and len(signature.inputs) != 1:
        takes = named_inputs(signature)
        says = f"TFSMLayer passes one argument by position, but signature {name!r} takes {takes}"
        if (other := at_once(asked.graph.endpoints, signature)) is not None:
            says += f'; the function {other!r} takes them as one: endpoint = "{other}"'
        yield Finding(says, stage=Stage.RUN)


def named_inputs(signature: Signature) -> str:
    """Return what a signature takes: ``a and b by name``."""
    names = list(signature.inputs)
    if not names:
        return "no input"
    few = joined([shortened(name, _LONGEST_NAME) for name in names[:_FEW]])
    return f"{few if len(names) <= _FEW else some(names)} by name"


def _is_layer(asked: Question) -> bool:
    return asked.target.loader is Loader.TFSM_LAYER and comes_with_keras_3(asked.release)


def _called(asked: Question) -> str | None:
    """Return what the layer calls; if nobody has chosen it yet, None where something can be called."""
    target = asked.target
    if target.endpoint or target.function or target.signature:
        return target.endpoint or target.function or target.signature
    simple = [name for name, each in asked.graph.signatures.items() if len(each.inputs) == 1]
    return None if simple else _DEFAULT


RULES = (endpoint_missing, one_argument)
