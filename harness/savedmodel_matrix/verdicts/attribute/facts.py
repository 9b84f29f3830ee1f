"""What was in effect in a cell, as flat facts that distinguish cells: every field of ``Effective`` is one."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from savedmodel_matrix.verdicts.attribute.names import (
    ABSENT,
    OTHER_XLA_FLAGS,
    PYTHON_RELEASE,
    UNKNOWN,
    UNSET,
    VARIABLE,
    called,
    fact_fields,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from savedmodel_matrix.domain.effective import Effective

_NO_GPU = "no GPU"
#: Flags that the values "off", "devices" and "devices and CPU" of XLA tell. Of the levels of auto_jit, 2
#: means on, and any other level that is not off stays.
_TOLD_XLA_FLAGS = re.compile(r"--tf_xla_cpu_global_jit(=\w+)?|--tf_xla_auto_jit=(0|-1|2)")


def recorded_facts(effective: Effective) -> dict[str, str]:
    """Return fact -> value of one cell, except its variables and its packages, which have many names each.

    A fact that is not reported, or that could not be determined, is left out; only oneDNN, which the probe
    always asks for, is then "unknown".
    """
    found: dict[str, str] = {}
    for field in fact_fields():
        if field not in effective.model_fields_set or field in _READ_WITH_OTHERS:
            continue
        if field in _READ:
            found |= _READ[field](effective)
        elif (value := getattr(effective, field)) is not None:
            found[called(field)] = as_text(value)
    return found


def variable_facts(variables: Mapping[str, str | None]) -> dict[str, str]:
    """Return environment variables as facts; flags that no other fact tells are one of their own."""
    found = {VARIABLE + name: UNSET if value is None else value for name, value in variables.items()}
    flags = (variables.get("TF_XLA_FLAGS") or "").split()
    if others := " ".join(flag for flag in flags if not _TOLD_XLA_FLAGS.fullmatch(flag)):
        found[OTHER_XLA_FLAGS] = others
    return found


def as_text(value: object) -> str:
    """Return the value of a field as it is told."""
    if value is None:
        return "default"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple | list):
        return ", ".join(as_text(each) for each in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _python(effective: Effective) -> dict[str, str]:
    if effective.python is None:
        return {}
    minor = ".".join(effective.python.split(".")[:2])
    return {called("python"): minor, PYTHON_RELEASE: effective.python}


def _keras(effective: Effective) -> dict[str, str]:
    keras = effective.keras
    return {} if keras is None else {called("keras"): f"{keras.distribution} {keras.version or UNKNOWN}"}


def _cpu_flags(effective: Effective) -> dict[str, str]:
    if not effective.cpu_flags:
        return {}
    # Nobody would read a hundred words. What counts is whether cells differ, and which cells share them.
    text = " ".join(sorted(effective.cpu_flags))
    return {called("cpu_flags"): hashlib.sha256(text.encode()).hexdigest()[:8]}


def _gpus(effective: Effective) -> dict[str, str]:
    """Return the facts of the GPUs in use. Without one, TF32 and the driver do not apply."""
    gpus = effective.gpus
    if gpus is None:
        return {}
    if not gpus:
        return {called("gpus"): "none", called("tf32"): _NO_GPU, called("gpu_driver"): _NO_GPU}
    names = (f"{gpu.name or UNKNOWN} ({gpu.compute_capability or UNKNOWN})" for gpu in gpus)
    found = {called("gpus"): " + ".join(names)}
    for field in ("tf32", "gpu_driver"):
        if (value := getattr(effective, field)) is not None:
            found[called(field)] = as_text(value)
    return found


def _or(field: str, otherwise: str) -> Callable[[Effective], dict[str, str]]:
    """Read a field whose None is certain, or worth telling."""

    def read(effective: Effective) -> dict[str, str]:
        value = getattr(effective, field)
        return {called(field): otherwise if value is None else as_text(value)}

    return read


#: Fields that have many names each, and those that depend on whether there is a GPU.
_READ_WITH_OTHERS = {"distributions", "variables", "tf32", "gpu_driver"}
#: How to read the fields whose value is not simply their text.
_READ: dict[str, Callable[[Effective], dict[str, str]]] = {
    "python": _python,
    "keras": _keras,
    "cpu_flags": _cpu_flags,
    "gpus": _gpus,
    "onednn": _or("onednn", UNKNOWN),
    "onednn_isa_cap": _or("onednn_isa_cap", "none"),
    "seed": _or("seed", ABSENT),
    "tf_keras": _or("tf_keras", ABSENT),
}
