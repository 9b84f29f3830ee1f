"""Which ops of each TensorFlow cannot compute in bfloat16 on a CPU, and whether oneDNN does it for them.

``python -m maintenance.refresh_precision`` generates ``precision.json`` from real TensorFlows.
"""

from __future__ import annotations

import json
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

PRECISION = Path(__file__).with_name("precision.json")
FORMAT = 1
#: The variable that switches oneDNN on and off, from 2.5 on (core/util/port.cc, IsMklEnabled).
ONEDNN_VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
_FIRST_WITH_ONEDNN, _FIRST_BY_DEFAULT = (2, 5), (2, 9)
#: oneDNN is on by default on CPUs with one of these, and computes bfloat16 on those with one of the others
#: (core/util/util.cc, IsMklEnabled; core/graph/mkl_graph_util.h, IsBF16SupportedByOneDNNOnThisCPU); named
#: as in /proc/cpuinfo.
_ON_BY_DEFAULT = {"avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"}
_BFLOAT16 = {"avx512f", "avx_ne_convert"}
_ON, _OFF = {"1", "true"}, {"0", "false"}


class Lack(StrEnum):
    """How an op lacks bfloat16."""

    NO_KERNEL = "no kernel"
    """No CPU kernel is registered for it."""
    REFUSES = "refuses"
    """The kernel that is registered says that it does not support bfloat16; oneDNN takes its place."""


class Precision:
    """The table of what lacks bfloat16, read when it is first needed."""

    def lack(self, op: str, minor: str) -> Lack | None:
        """Return how an op lacks bfloat16 in an attribute (``Conv2D.T``); None if it does not."""
        for kind, minors in self._table["lacking"].get(op, {}).items():
            if minor in minors:
                return Lack(kind)
        return None

    @property
    def releases(self) -> frozenset[str]:
        """The minors that were examined."""
        return frozenset(self._table["releases"])

    @cached_property
    def _table(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(PRECISION.read_text(encoding="utf-8"))
        if data.get("format") != FORMAT:
            raise StoreError(f"{PRECISION.name} has format {data.get('format')}; this version reads {FORMAT}")
        return data


def asks_for_onednn(variables: Mapping[str, str]) -> bool:
    """Whether the variable switches oneDNN on."""
    return variables.get(ONEDNN_VARIABLE, "").lower() in _ON


def by_onednn(
    release: tuple[int, ...], variables: Mapping[str, str], platform: str, cpu_flags: Collection[str]
) -> bool | None:
    """Return whether oneDNN computes bfloat16: it is on, and this CPU has the instructions; None if unknown.

    ``release`` is TensorFlow's minor, ``cpu_flags`` are those of /proc/cpuinfo, and none if not known.
    """
    asked = variables.get(ONEDNN_VARIABLE, "").lower()
    if not platform.endswith("x86_64") or release < _FIRST_WITH_ONEDNN or asked in _OFF:
        return False
    if not cpu_flags:
        return None
    on = asks_for_onednn(variables) or (
        release >= _FIRST_BY_DEFAULT and not _ON_BY_DEFAULT.isdisjoint(cpu_flags)
    )
    return on and not _BFLOAT16.isdisjoint(cpu_flags)
