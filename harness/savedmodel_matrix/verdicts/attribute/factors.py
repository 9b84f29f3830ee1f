"""What was in effect in a cell, as flat factors that distinguish cells."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from savedmodel_matrix.domain.effective import Effective

#: The value of a factor in a cell that does not report it.
UNKNOWN = "unknown"
#: The value of an environment variable in a cell that does not name it. This is certain: the probe names all
#: the variables it saw, and starts with no others.
UNSET = "unset"

#: The order of factors: those that are likelier to be the cause, and easier to change, come first.
ORDER = (
    *(
        "TensorFlow",
        "loader",
        "oneDNN",
        "XLA",
        "Grappler",
        "intra-op threads",
        "inter-op threads",
        "oneDNN ISA cap",
        "op determinism",
        "seed",
    ),
    *("GPU", "TF32", "GPU driver", "CUDA", "cuDNN", "build"),
    *("Python", "Keras", "tf-keras", "NumPy", "protobuf", "h5py"),
    *("CPU", "CPU flags", "usable CPUs", "machine", "operating system", "C library"),
)

_VARIABLE = "variable "
_ABSENT = "absent"

#: Factors whose recorded value is their text, and its key; a recorded None means "cannot be known".
_TEXTS = {
    "TensorFlow": "tensorflow",
    "loader": "loader",
    "NumPy": "numpy",
    "protobuf": "protobuf",
    "h5py": "h5py",
    "XLA": "xla",
    "intra-op threads": "intra_op_threads",
    "inter-op threads": "inter_op_threads",
    "CUDA": "cuda",
    "cuDNN": "cudnn",
    "CPU": "cpu_model",
    "usable CPUs": "usable_cpus",
    "machine": "machine",
    "operating system": "os",
    "C library": "libc",
}


def effective_factors(effective: Effective, build: str) -> dict[str, str]:
    """Return factor -> value of one cell, from its recording's "effective" and its environment's build.

    A factor whose key is missing, or that could not be determined, is left out; only oneDNN, which the probe
    always asks for, is then "unknown". Other installed distributions are not factors: there are many, and
    nearly all change with TensorFlow. Variables are left out if another factor covers their whole effect, so
    that setting one to its default makes no difference.
    """
    found: dict[str, str] = {"build": str(build)}
    reported = effective.model_fields_set
    for name, key in _TEXTS.items():
        if getattr(effective, key) is not None:
            found[name] = str(getattr(effective, key))
    if effective.python is not None:
        found["Python"] = ".".join(effective.python.split(".")[:2])
    if "onednn" in reported:
        found["oneDNN"] = _switch(effective.onednn)
    if "onednn_isa_cap" in reported:
        found["oneDNN ISA cap"] = effective.onednn_isa_cap or "none"
    if effective.grappler is not None:
        found["Grappler"] = _switch(effective.grappler)
    if effective.op_determinism is not None:
        found["op determinism"] = _switch(effective.op_determinism)
    if "seed" in reported:
        found["seed"] = _ABSENT if effective.seed is None else str(effective.seed)
    if effective.keras is not None:
        found["Keras"] = f"{effective.keras.distribution} {effective.keras.version or UNKNOWN}"
    if "tf_keras" in reported:
        found["tf-keras"] = effective.tf_keras or _ABSENT
    if effective.cpu_flags:
        # Nobody would read a hundred words. What counts is whether cells differ, and which cells share them.
        text = " ".join(sorted(effective.cpu_flags))
        found["CPU flags"] = hashlib.sha256(text.encode()).hexdigest()[:8]
    found.update(_gpu(effective))
    found.update(_variables(effective, found))
    return dict(sorted(found.items(), key=lambda item: rank(item[0])))


def value_in(factors: Mapping[str, str], name: str) -> str:
    """Return a factor's value in one cell; "unknown", or "unset" for a variable, if it is missing."""
    return factors.get(name, UNSET if name.startswith(_VARIABLE) else UNKNOWN)


def rank(name: str) -> tuple[int, str]:
    """Return the sort key of a factor's name: the order of ``ORDER``, then other names, variables last."""
    if name in ORDER:
        return ORDER.index(name), name
    return len(ORDER) + name.startswith(_VARIABLE), name


def _switch(state: bool | None) -> str:
    return UNKNOWN if state is None else "on" if state else "off"


def _gpu(effective: Effective) -> dict[str, str]:
    """Return the factors of the GPUs in use. Without one, TF32 and the driver do not apply."""
    gpus = effective.gpus
    if gpus is None:
        return {}
    if not gpus:
        return {"GPU": "none", "TF32": "no GPU", "GPU driver": "no GPU"}
    names = (f"{gpu.name or UNKNOWN} ({gpu.compute_capability or UNKNOWN})" for gpu in gpus)
    found = {"GPU": " + ".join(names)}
    if effective.tf32 is not None:
        found["TF32"] = _switch(effective.tf32)
    if effective.gpu_driver is not None:
        found["GPU driver"] = effective.gpu_driver
    return found


def _variables(effective: Effective, found: Mapping[str, str]) -> dict[str, str]:
    """Return the variables, or parts of them, whose effect no factor in ``found`` covers."""
    variables = dict(effective.variables)
    if found.get("oneDNN", UNKNOWN) != UNKNOWN:
        variables.pop("TF_ENABLE_ONEDNN_OPTS", None)
    if "oneDNN ISA cap" in found:
        variables.pop("ONEDNN_MAX_CPU_ISA", None)
        variables.pop("DNNL_MAX_CPU_ISA", None)
    if "Keras" in found:
        variables.pop("TF_USE_LEGACY_KERAS", None)
    if "op determinism" in found:
        variables.pop("TF_DETERMINISTIC_OPS", None)
    # Only 0 has an effect, which TF32 covers; without a GPU, no value has an effect.
    if "TF32" in found and (variables.get("NVIDIA_TF32_OVERRIDE") == "0" or found["GPU"] == "none"):
        variables.pop("NVIDIA_TF32_OVERRIDE", None)
    # Which of several equal GPUs was used is not recorded, so the variable is dropped only without a GPU.
    if found.get("GPU") == "none":
        variables.pop("CUDA_VISIBLE_DEVICES", None)
    if "XLA" in found and variables.get("TF_XLA_FLAGS") is not None:
        variables["TF_XLA_FLAGS"] = _other_xla_flags(variables["TF_XLA_FLAGS"] or "")
        if not variables["TF_XLA_FLAGS"]:
            del variables["TF_XLA_FLAGS"]
    return {_VARIABLE + name: UNSET if value is None else str(value) for name, value in variables.items()}


def _other_xla_flags(flags: str) -> str:
    """Return the flags without those that "off", "devices" and "devices and CPU" cover.

    Of the levels of auto_jit, 2 means on; any other level that is not off stays.
    """
    told = re.compile(r"--tf_xla_cpu_global_jit(=\w+)?|--tf_xla_auto_jit=(0|-1|2)")
    return " ".join(flag for flag in flags.split() if not told.fullmatch(flag))
