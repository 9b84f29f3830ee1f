"""The machine a recording was made on: a hidden axis, so part of every recording's key."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import re
import sys
from pathlib import Path

from savedmodel_matrix.store.atomic import json_digest

_SYSTEMS = {"linux": "linux", "darwin": "macos", "win32": "windows"}
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "arm64": "arm64", "aarch64": "aarch64"}


def platform_name() -> str:
    """Return the platform wheels are chosen for, e.g. ``linux-x86_64`` or ``macos-arm64``."""
    machine = platform.machine().lower()
    return f"{_SYSTEMS.get(sys.platform, sys.platform)}-{_MACHINES.get(machine, machine)}"


def usable_cpus() -> int:
    """Return how many CPUs this process may use: TensorFlow sizes its thread pools accordingly."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def host_facts() -> dict[str, str]:
    """Return what distinguishes machines whose results may differ.

    CPU model and flags (oneDNN and Eigen choose kernels by them), the number of usable CPUs
    (thread pools split reductions by it), the C library, GPUs and their driver.
    """
    model, flags = _cpu()
    return {
        "platform": platform_name(),
        "libc": "-".join(platform.libc_ver()),
        "cpu": model,
        "cpu_flags": hashlib.sha256(flags.encode()).hexdigest()[:16],
        "cpus": str(usable_cpus()),
        "gpus": _gpus(),
        "visible_gpus": os.environ.get("CUDA_VISIBLE_DEVICES", "all"),
    }


@functools.cache
def host_fingerprint() -> str:
    """Return 12 hex digits that identify this kind of machine (no host name, no serial number)."""
    return json_digest(host_facts())[:12]


@functools.cache
def cpu_flags() -> frozenset[str]:
    """Return the CPU's flags as Linux names them; none on another system."""
    return frozenset(_cpu()[1].split())


def _cpu() -> tuple[str, str]:
    """Return the CPU's model name and its flags, sorted."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine(), ""
    model = re.search(r"^(?:model name|CPU part)\s*:\s*(.*)$", text, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.MULTILINE)
    return (
        model.group(1) if model else platform.machine(),
        " ".join(sorted(flags.group(1).split())) if flags else "",
    )


def _gpus() -> str:
    """Return the NVIDIA driver and GPU models, read from the kernel's files without a library."""
    driver = Path("/proc/driver/nvidia/version")
    if not driver.exists():
        return "none"
    models = sorted(
        line.partition(":")[2].strip()
        for card in Path("/proc/driver/nvidia/gpus").glob("*/information")
        for line in card.read_text(encoding="utf-8").splitlines()
        if line.startswith("Model:")
    )
    version = re.search(r"\b\d+\.\d+(\.\d+)?\b", driver.read_text(encoding="utf-8"))
    return "; ".join([version.group(0) if version else "unknown driver", *models])
