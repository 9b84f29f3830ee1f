"""The planted failures: a matrix of two cells for each way to make an environment, a file or a call wrong."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.environment import Build, Environment

if TYPE_CHECKING:
    from collections.abc import Mapping

_GENERATED = "{ generate = { seed = 1, batch = 4 } }"
_TEXTS = '{ npz = "texts.npz" }'


@dataclass(frozen=True)
class Planted:
    """A case that runs in the baseline and fails in the other cell."""

    case: str
    cause: str
    """The id of the right cause."""
    model: str = ""
    """What ``models.py`` makes, in the baseline's environment; by default it has the case's name."""
    options: str = ""
    """Further lines of the case's definition, in TOML."""
    inputs: str = _GENERATED
    fix: bool = True
    """Whether a change of loader, packages, variables or export mends it, which this tool can verify."""

    @property
    def made(self) -> str:
        """The name of its model."""
        return self.model or self.case


@dataclass(frozen=True)
class Group:
    """One matrix. The baseline has the first setting, the other cell the last one."""

    name: str
    kind: str
    """What is wrong, in words."""
    baseline: Environment
    other: Environment
    planted: tuple[Planted, ...]
    settings: Mapping[str, str] = field(default_factory=lambda: {"default": ""})
    """TOML by name."""


def _cpu(tensorflow: str, python: str, *requirements: str, resolve: str = "release") -> Environment:
    return Environment(tensorflow, python, Build.CPU, resolve, requirements)


def _with(environment: Environment, *requirements: str) -> Environment:
    return replace(environment, requirements=requirements)


def _modules(name: str) -> str:
    return f'modules = ["code/{name}.py"]'


def _coded(case: str, cause: str) -> Planted:
    """A model that needs nothing, and the module ``code/CASE.py``, which fails."""
    return Planted(case, cause, "affine", _modules(case))


def _affine(case: str, cause: str) -> Planted:
    return Planted(case, cause, "affine")


_KERAS_2 = _cpu("2.15.1", "3.11")
_KERAS_3 = _cpu("2.18.1", "3.12")
_LAST_2 = _cpu("2.15.1", "3.11", resolve="today")
_OLD = _cpu("2.7.4", "3.9")
_OLD_TODAY = _cpu("2.7.4", "3.9", resolve="today")

GROUPS = (
    Group(
        "slots",
        "Keras 2 optimizer state on Keras 3",
        _KERAS_2,
        _KERAS_3,
        tuple(
            Planted(f"compiled_{name}", "keras-optimizer-slots")
            for name in ("adam", "rmsprop", "momentum", "adagrad")
        ),
    ),
    Group(
        "slots-2.6",
        "Keras 2 optimizer state before Keras is imported",
        _OLD,
        _cpu("2.6.5", "3.9"),
        tuple(Planted(f"compiled_{name}", "keras-not-yet-imported") for name in ("adam", "momentum")),
    ),
    Group(
        "refused",
        "a Keras loader that refuses SavedModels",
        _KERAS_2,
        _KERAS_3,
        tuple(
            Planted(name, "keras-3-refuses-saved-model", options='loader = "keras"')
            for name in ("dense", "branches", "recurrent")
        ),
    ),
    Group(
        "tf-keras",
        "tf-keras is missing",
        _with(_KERAS_3, "tf-keras~=2.18.0"),
        _KERAS_3,
        tuple(
            Planted(f"tf_keras_{name}", "tf-keras-not-installed", options='loader = "tf-keras"')
            for name in ("dense", "gru")
        ),
    ),
    Group(
        "legacy-keras",
        "TF_USE_LEGACY_KERAS without tf-keras",
        _with(_KERAS_3, "tf-keras~=2.18.0"),
        _KERAS_3,
        tuple(_coded(name, "legacy-keras-not-installed") for name in ("makes_a_layer", "asks_the_backend")),
        {"default": 'variables = { TF_USE_LEGACY_KERAS = "1" }'},
    ),
    Group(
        "text-left-out",
        "the package that registers an op is not installed",
        _with(_KERAS_2, "tensorflow-text==2.15.0"),
        _KERAS_2,
        tuple(
            Planted(name, "op-of-package", options=_modules("text_if_there"), inputs=_TEXTS)
            for name in ("text_splits", "text_normalizes", "text_whitespace", "text_folds")
        ),
    ),
    Group(
        "forest-left-out",
        "the package that registers an op is not installed",
        _with(_KERAS_2, "tensorflow-decision-forests==1.8.1"),
        _KERAS_2,
        (Planted("forest", "op-of-package", options=_modules("forests_if_there")),),
    ),
    Group(
        "text-not-imported",
        "the package that registers an op is installed, and nothing imports it",
        _with(_KERAS_2, "tensorflow-text==2.15.0"),
        _with(_KERAS_2, "tensorflow-text==2.15.0"),
        tuple(
            Planted(name, "op-not-imported", options=_modules("text_if_asked"), inputs=_TEXTS)
            for name in ("text_splits", "text_normalizes", "text_folds")
        ),
        {"default": 'variables = { IMPORT_TEXT = "1" }', "plain": ""},
    ),
    Group(
        "numpy-names",
        "code of the time before NumPy 1.24",
        _with(_KERAS_2, "numpy<1.24"),
        _with(_KERAS_2, "numpy==1.26.4"),
        tuple(_coded(name, "numpy-name-removed") for name in ("np_bool", "np_object", "np_float")),
    ),
    Group(
        "pkg-resources",
        "code that needs pkg_resources, with a setuptools that has none",
        _with(_LAST_2, "setuptools<81"),
        _with(_LAST_2, "setuptools>=82"),
        tuple(_coded(name, "pkg-resources-removed") for name in ("reads_a_resource", "parses_a_version")),
    ),
    Group(
        "generated-code",
        "code that an old protoc generated, with protobuf 4",
        _with(_KERAS_2, "protobuf<3.21"),
        _with(_KERAS_2, "protobuf==4.23.4"),
        tuple(_coded(name, "package-with-old-protobuf-code") for name in ("message_pb2", "enum_pb2")),
    ),
    Group(
        "numpy-2",
        "NumPy 2 with a TensorFlow built before it",
        _with(_OLD_TODAY, "numpy<2", "protobuf<3.21"),
        _with(_OLD_TODAY, "numpy==2.0.2", "protobuf<3.21"),
        (_affine("numpy_2", "numpy-2-with-old-tensorflow"),),
    ),
    Group(
        "protobuf-4",
        "protobuf 4 with a TensorFlow built before it",
        _cpu("2.7.0", "3.9", "protobuf<3.21"),
        _cpu("2.7.0", "3.9", "protobuf==4.25.3", "numpy<2", resolve="today"),
        (_affine("protobuf_4", "protobuf-4-with-old-code"),),
    ),
    Group(
        "protobuf-4-2.8",
        "protobuf 4 with a TensorFlow built before it",
        _cpu("2.8.0", "3.9", "protobuf<3.21"),
        _cpu("2.8.0", "3.9", "protobuf==4.25.3", "numpy<2", resolve="today"),
        (_affine("protobuf_4_with_2_8", "protobuf-4-with-old-code"),),
    ),
    Group(
        "published-later",
        "a pin that is newer than the date of the resolution",
        _KERAS_2,
        _with(_KERAS_2, "pillow==11.3.0"),
        (_affine("newer_pillow", "published-later"),),
    ),
    Group(
        "published-later-hub",
        "a pin that is newer than the date of the resolution",
        _KERAS_2,
        _with(_KERAS_2, "scipy==1.14.1"),
        (_affine("newer_scipy", "published-later"),),
    ),
    Group(
        "conflict",
        "requirements that no set of releases satisfies",
        _KERAS_2,
        _with(_KERAS_2, "numpy==1.19.5"),
        (Planted("conflict", "requirements-conflict", "affine", fix=False),),
    ),
    Group(
        "default-loader",
        "a graph of TensorFlow 1 that the default loader does not take",
        _KERAS_2,
        _KERAS_2,
        (
            Planted("v1_counter", "reference-variable"),
            Planted("v1_same_input", "one-tensor-two-inputs", inputs='{ npz = "same.npz" }'),
        ),
        {"session": 'loader = "v1-session"', "default": 'loader = "saved_model"'},
    ),
    Group(
        "session-loader",
        "a session that initialises less than the default loader does",
        _KERAS_2,
        _KERAS_2,
        (Planted("v1_table", "table-not-initialised", inputs='{ npz = "words.npz" }'),),
        {"default": 'loader = "saved_model"', "session": 'loader = "v1-session"'},
    ),
    Group(
        "layer",
        "a layer of Keras 3 for a signature of several inputs",
        _KERAS_2,
        _KERAS_3,
        tuple(Planted(name, "keras-layer-one-argument") for name in ("two_inputs", "three_inputs")),
        {"default": "", "layer": 'loader = "tfsm-layer"'},
    ),
    Group(
        "functions-in-session",
        "a loader that does not have what the case calls",
        _KERAS_2,
        _KERAS_2,
        (Planted("scored", "function-in-session", options='function = "score"'),),
        {"default": "", "session": 'loader = "v1-session"'},
    ),
    Group(
        "signatures-in-keras",
        "a loader that does not have what the case calls",
        _KERAS_2,
        _KERAS_2,
        (
            Planted("halves", "keras-signature-of-its-own"),
            Planted("other_halves", "signature-in-keras", "halves", 'signature = "other"'),
        ),
        {"default": "", "keras": 'loader = "keras"'},
    ),
    Group(
        "devices",
        "the devices of a cluster in the graph",
        _KERAS_2,
        _KERAS_3,
        (Planted("on_a_server", "device-not-there"),),
        {"default": "", "session": 'loader = "v1-session"'},
    ),
    Group(
        "bfloat16",
        "bfloat16 where only oneDNN computes it",
        _KERAS_2,
        _cpu("2.12.1", "3.11"),
        (Planted("half_normalized", "bfloat16-needs-onednn", fix=False),),
        {"default": "", "eigen": 'variables = { TF_ENABLE_ONEDNN_OPTS = "0" }'},
    ),
    Group(
        "layout",
        "a layout that only oneDNN has on a CPU",
        _KERAS_2,
        _KERAS_2,
        tuple(Planted(name, "layout-not-on-cpu") for name in ("nchw_conv", "nchw_pool")),
        {
            "default": 'variables = { TF_ENABLE_ONEDNN_OPTS = "1" }',
            "eigen": 'variables = { TF_ENABLE_ONEDNN_OPTS = "0" }',
        },
    ),
    Group(
        "older-tensorflow",
        "a TensorFlow that is older than the one that saved the model",
        _KERAS_2,
        _OLD,
        (
            Planted("has_variables", "op-disable-copy-on-read", fix=False),
            Planted("newer_shuffle", "op-newer-than-tensorflow", fix=False),
            Planted("newer_quantization", "op-newer-than-tensorflow", fix=False),
        ),
    ),
    Group(
        "dropped-dependency",
        "code that needs a package which TensorFlow no longer brings",
        _KERAS_2,
        _KERAS_3,
        (Planted("needs_estimator", "module-missing", "affine", _modules("needs_estimator"), fix=False),),
    ),
)
