"""What Keras wrote about a model into its SavedModel: layers, versions, code.

Keras 2 keeps JSON about every layer, in the object graph up to TF 2.4 and in ``keras_metadata.pb`` from
2.5 on. Keras 3 keeps none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.expected_inputs import PreprocessingLayer
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.wire import DamagedError, Walk

if TYPE_CHECKING:
    from collections.abc import Iterator

METADATA = "keras_metadata.pb"
#: JSON costs up to twenty times its size in memory. The largest seen, EfficientNetB0's, has 200 kB.
_LARGEST_JSON = 4 << 20
#: The layers that prepare data, with the configuration keys that say how (keras/layers/preprocessing,
#: 2.15). Their statistics, if any, are constants in the graph.
_PREPARING = {
    "Rescaling": ("scale", "offset"),
    "Normalization": ("axis", "mean", "variance", "invert"),
    "Resizing": ("height", "width", "interpolation", "crop_to_aspect_ratio"),
    "CenterCrop": ("height", "width"),
    "TextVectorization": ("standardize", "split", "ngrams", "output_mode", "output_sequence_length"),
    "StringLookup": ("num_oov_indices", "mask_token", "output_mode"),
    "IntegerLookup": ("num_oov_indices", "mask_token", "output_mode"),
    "CategoryEncoding": ("num_tokens", "output_mode"),
    "Discretization": ("bin_boundaries", "num_bins", "output_mode"),
    "Hashing": ("num_bins", "mask_value", "salt"),
    "HashedCrossing": ("num_bins", "output_mode"),
    "MelSpectrogram": ("sampling_rate", "fft_length", "num_mel_bins"),
}
_LONGEST_SETTING = 300


@dataclass(frozen=True)
class KerasObject:
    """A layer, model or metric. ``class_name`` is Keras's own spelling: ``Package>Name`` if registered."""

    identifier: str
    class_name: str
    name: str
    needs_class: bool = False
    """Whether Keras refuses to restore the object without its class."""

    @property
    def is_metric(self) -> bool:
        """Whether it is a metric, which takes no part in inference."""
        return self.identifier == "_tf_keras_metric"


@dataclass(frozen=True)
class KerasFacts:
    """The Keras that wrote a model, and what it wrote.

    ``major`` is None for a model written by ``model.export``, which does not record it.
    """

    major: int | None
    version: str | None
    objects: tuple[KerasObject, ...] = ()
    lambdas: tuple[str, ...] = ()
    """Names of the Lambda layers that hold marshalled bytecode."""
    losses: tuple[str, ...] = ()
    compiled: bool = False
    preparing: tuple[PreprocessingLayer, ...] = ()


def read_keras(walk: Walk, content: memoryview | None, in_graph: tuple[tuple[str, bytes], ...]) -> KerasFacts:
    """Return the facts in ``keras_metadata.pb``, or without that file, in the object graph's metadata.

    Raises DamagedError if either is not Keras's JSON.
    """
    objects: list[KerasObject] = []
    lambdas: list[str] = []
    losses: list[str] = []
    preparing: list[PreprocessingLayer] = []
    version = None
    compiled = False
    described = _of_file(walk, content) if content is not None else iter(in_graph)
    for identifier, metadata in described:
        facts = _json(metadata)
        objects.append(
            KerasObject(
                identifier=identifier,
                class_name=_string(facts.get("class_name")),
                name=_string(facts.get("name")),
                # keras/saving/legacy/saved_model/load.py, KerasObjectLoader._revive_from_config
                needs_class=facts.get("must_restore_from_config") is True,
            )
        )
        if objects[-1].class_name == "Lambda" and _is_bytecode(facts.get("config")):
            lambdas.append(objects[-1].name)
        preparing += _preparing(objects[-1], facts.get("config"))
        if isinstance(facts.get("keras_version"), str):
            version = version or _string(facts["keras_version"])
        training = facts.get("training_config")
        if isinstance(training, dict):
            compiled = True
            losses += _losses(training.get("loss"))
    return KerasFacts(
        major=2,
        version=version,
        objects=tuple(objects),
        lambdas=tuple(lambdas),
        losses=tuple(dict.fromkeys(losses)),
        compiled=compiled,
        preparing=tuple(preparing),
    )


def _preparing(found: KerasObject, config: object) -> list[PreprocessingLayer]:
    """Return the layer if it prepares data, else None; registered names have a package in front."""
    wanted = _PREPARING.get(found.class_name.rpartition(">")[2])
    if wanted is None or not isinstance(config, dict):
        return []
    settings = {name: _setting(config.get(name)) for name in wanted}
    stated = {name: value for name, value in settings.items() if value is not None}
    return [PreprocessingLayer(found.class_name, found.name, stated)]


def _setting(value: object) -> object:
    """Return a setting with text that can be written as UTF-8; None for one that is too long."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    if len(text) > _LONGEST_SETTING:
        return None
    return json.loads(text.encode("utf-8", "replace"))


def _of_file(walk: Walk, content: memoryview) -> Iterator[tuple[str, bytes]]:
    for node in walk.inside(content, pb.KerasMetadata.NODES_FIELD_NUMBER):
        yield walk.described(
            node, pb.KerasObject.IDENTIFIER_FIELD_NUMBER, pb.KerasObject.METADATA_FIELD_NUMBER
        )


def _json(metadata: bytes) -> dict[str, Any]:
    if len(metadata) > _LARGEST_JSON:
        raise DamagedError(f"Keras metadata of {len(metadata)} bytes for one object")
    if not metadata:
        return {}
    try:
        facts = json.loads(metadata)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"Keras metadata that is not JSON: {str(error)[:100]}") from error
    return facts if isinstance(facts, dict) else {}


def _string(value: object) -> str:
    # JSON can hold half a character, which no file can.
    return value[:1000].encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _is_bytecode(config: object) -> bool:
    """Whether the configuration of a Lambda layer holds code rather than the name of a function.

    Code is a list of code, defaults and closure up to Keras 2.12, and a ``__lambda__`` object from 2.13 on.
    """
    function = config.get("function") if isinstance(config, dict) else None
    if isinstance(function, dict):
        return _string(function.get("class_name")) in {"__tuple__", "__lambda__"}
    return isinstance(function, list)


def _losses(loss: object) -> list[str]:
    """Return the names of losses: one, a list, or a dict by output, of names or of configurations."""
    if isinstance(loss, dict) and "class_name" in loss:
        return [_string(loss["class_name"])]
    if isinstance(loss, dict):
        return [name for each in loss.values() for name in _losses_flat(each)]
    if isinstance(loss, list):
        return [name for each in loss for name in _losses_flat(each)]
    return _losses_flat(loss)


def _losses_flat(loss: object) -> list[str]:
    if isinstance(loss, dict):
        return [_string(loss.get("class_name"))]
    return [_string(loss)] if isinstance(loss, str) else []
