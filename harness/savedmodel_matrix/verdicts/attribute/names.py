"""The names of factors: what they are called, in which order they are told, and which tells another."""

from __future__ import annotations

from dataclasses import fields
from enum import IntEnum
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.definition import SettingDefinition
from savedmodel_matrix.domain.effective import Effective
from savedmodel_matrix.domain.environment import Environment
from savedmodel_matrix.domain.job import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The value of a factor in a cell that does not report it.
UNKNOWN = "unknown"
#: The value of an environment variable in a cell that does not name it. This is certain: the probe names all
#: the variables it saw, and starts with no others.
UNSET = "unset"
#: The value of a package that is not installed.
ABSENT = "absent"

VARIABLE = "variable "
#: Ends the name of an option whose value in the definition splits the cells otherwise than what was recorded.
AS_SET = " (as set)"
OTHER_XLA_FLAGS = "other flags in TF_XLA_FLAGS"

#: What fields are called that are not called what they are in the code.
_CALLED = {
    "tensorflow": "TensorFlow",
    "tensorflow_git": "TensorFlow's commit",
    "python": "Python",
    "python_implementation": "Python implementation",
    "intra_op_threads": "intra-op threads",
    "inter_op_threads": "inter-op threads",
    "jit_compile": "jit_compile",
    "grappler": "Grappler",
    "deterministic": "op determinism",
    "op_determinism": "op determinism",
    "time_limit_s": "time limit",
    "memory_limit_bytes": "memory limit",
    "onednn": "oneDNN",
    "onednn_isa_cap": "oneDNN ISA cap",
    "xla": "XLA",
    "gpus": "GPU",
    "gpu_driver": "GPU driver",
    "tf32": "TF32",
    "cuda": "CUDA",
    "cudnn": "cuDNN",
    "keras": "Keras",
    "tf_keras": "tf-keras",
    "numpy": "NumPy",
    "cpu_model": "CPU",
    "cpu_flags": "CPU flags",
    "usable_cpus": "usable CPUs",
    "os": "operating system",
    "os_release": "kernel",
    "libc": "C library",
}
#: Fields of ``Effective`` that are the version of a package.
_PACKAGES = ("tensorflow", "keras", "tf_keras", "numpy", "protobuf", "h5py")
_HOST = ("cpu_model", "cpu_flags", "usable_cpus", "machine", "os", "os_release", "libc")
PYTHON_RELEASE = "Python release"


def called(field: str) -> str:
    """Return what a field of a type is called as a factor."""
    return _CALLED.get(field, field.replace("_", " "))


def option_fields(of: type[Environment | SettingDefinition | Limits]) -> tuple[str, ...]:
    """Return the fields of one of the types that say what a cell is: each one can be the cause.

    Fields that two equal objects may differ in (``compare=False``) say nothing about the cell.
    """
    if issubclass(of, SettingDefinition):
        return tuple(of.model_fields)
    return tuple(field.name for field in fields(of) if field.compare)


def fact_fields() -> tuple[str, ...]:
    """Return the fields of ``Effective`` that can be the cause."""
    return tuple(name for name in Effective.model_fields if name not in Effective.NOT_FACTORS)


#: What a user can set, in the order of the definition.
OPTIONS = tuple(called(name) for of in (Environment, SettingDefinition, Limits) for name in option_fields(of))
_FACTS = tuple(called(name) for name in fact_fields())
#: Facts that follow from options come before others: they are the effect of what the user set.
_EFFECTS = ("oneDNN", "XLA", OTHER_XLA_FLAGS, "oneDNN ISA cap", "GPU", "TF32", "GPU driver", "CUDA", "cuDNN")
_KNOWN_PACKAGES = tuple(called(name) for name in _PACKAGES)
_HOST_FACTS = tuple(called(name) for name in _HOST)

#: Factors whose whole effect another factor tells, so that setting one to its default makes no difference.
_TOLD_BY = {
    f"{VARIABLE}TF_ENABLE_ONEDNN_OPTS": "oneDNN",
    f"{VARIABLE}ONEDNN_MAX_CPU_ISA": "oneDNN ISA cap",
    f"{VARIABLE}DNNL_MAX_CPU_ISA": "oneDNN ISA cap",
    f"{VARIABLE}TF_USE_LEGACY_KERAS": "Keras",
    f"{VARIABLE}TF_DETERMINISTIC_OPS": "op determinism",
    f"{VARIABLE}TF_XLA_FLAGS": "XLA",
    f"{VARIABLE}NVIDIA_TF32_OVERRIDE": "TF32",
    f"{VARIABLE}CUDA_VISIBLE_DEVICES": "GPU",
    "jit_compile": "XLA",
    "device": "GPU",
    "devices": "GPU",
    PYTHON_RELEASE: "Python",
    "TensorFlow's commit": "TensorFlow",
    **dict.fromkeys(("tensorflow-cpu", "tensorflow-intel", "tf-nightly", "tf-nightly-cpu"), "TensorFlow"),
    "keras-nightly": "Keras",
    "tf-keras-nightly": "tf-keras",
    "pillow": "Pillow",
    "scipy": "SciPy",
    **dict.fromkeys(("opencv-python", "opencv-python-headless"), "OpenCV"),
    **dict.fromkeys(("opencv-contrib-python", "opencv-contrib-python-headless"), "OpenCV"),
}
#: Facts that stand for something that a user sets; packages are named after all of that.
_STAND_FOR_OPTIONS = {
    teller
    for told, teller in _TOLD_BY.items()
    if (told.startswith(VARIABLE) or told in OPTIONS) and teller not in _KNOWN_PACKAGES
}


def told_by(name: str) -> str | None:
    """Return the factor that tells the whole effect of another one, or None."""
    return name.removesuffix(AS_SET) if name.endswith(AS_SET) else _TOLD_BY.get(name)


class _Tier(IntEnum):
    """Groups of factors: those that a user set come first, and those that come with the machine last."""

    OPTION = 0
    VARIABLE = 1
    EFFECT = 2
    KNOWN_PACKAGE = 3
    PACKAGE = 4
    HOST = 5


def is_set(name: str) -> bool:
    """Whether a factor is what a user set, or the recorded fact that stands for it."""
    return _place(name)[0] <= _Tier.VARIABLE or name in _STAND_FOR_OPTIONS


def rank(name: str) -> tuple[int, int, str]:
    """Return the sort key of a factor's name: what the user set, its effects, packages, the machine."""
    tier, number = _place(name.removesuffix(AS_SET))
    return tier, number, name


def is_package(name: str) -> bool:
    """Whether a factor is an installed package."""
    return _place(name)[0] in (_Tier.KNOWN_PACKAGE, _Tier.PACKAGE)


def is_any_package(name: str) -> bool:
    """Whether a factor is an installed package of which nothing is known but its name."""
    return _place(name)[0] is _Tier.PACKAGE


def value_in(factors: Mapping[str, str], name: str) -> str:
    """Return a factor's value in one cell; "unknown", or "unset" for a variable, if it is missing."""
    return factors.get(name, UNSET if name.startswith(VARIABLE) else UNKNOWN)


def package_name(distribution: str) -> str:
    """Return what an installed distribution is called; no two factors have the same name."""
    if (field := distribution.replace("-", "_")) in _PACKAGES:
        return called(field)
    taken = distribution.lower() in _TAKEN
    return f"package {distribution}" if taken else distribution


def _place(name: str) -> tuple[_Tier, int]:
    name = name.removesuffix(AS_SET)
    if name.startswith(VARIABLE):
        return _Tier.VARIABLE, 0
    for tier, names in _ORDER.items():
        if name in names:
            return tier, names.index(name)
    return (_Tier.HOST, len(_HOST_FACTS)) if name in _FACTS else (_Tier.PACKAGE, 0)


_ORDER = {
    _Tier.OPTION: OPTIONS,
    _Tier.EFFECT: _EFFECTS,
    _Tier.KNOWN_PACKAGE: _KNOWN_PACKAGES,
    _Tier.HOST: _HOST_FACTS,
}
_TAKEN = {name.lower() for name in (*OPTIONS, *_FACTS, *_EFFECTS)}
