"""Data about TensorFlow's releases beyond their packages: ops, kernels, kinds of objects.

``python -m maintenance.refresh_ops`` generates ``ops.json`` and ``keras.json``. ``packages.json`` is
written by hand: it lists packages that provide classes, and ops that ``op_packages.json`` does not cover.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from savedmodel_matrix.domain.errors import StoreError
from savedmodel_matrix.knowledge.op_packages import OpPackages
from savedmodel_matrix.knowledge.precision import Precision

OPS = Path(__file__).with_name("ops.json")
KERAS = Path(__file__).with_name("keras.json")
PACKAGES = Path(__file__).with_name("packages.json")
FORMAT = 1


@dataclass(frozen=True)
class Provider:
    """The provider of an op or class: a distribution, and in words what is needed from it."""

    package: str
    needs: str


def minor_of(version: str) -> str:
    """Return ``"2.15"`` for ``"2.15.0.post1"``. Raises ValueError for a text that is not a version."""
    found = re.match(r"(\d+)\.(\d+)", version)
    if not found:
        raise ValueError(f"{version!r} is not a TensorFlow version")
    return f"{int(found[1])}.{int(found[2])}"


#: Ops of cuDNN, NCCL and TPUs. Others without a CPU kernel are replaced before they run, or compiled.
_OF_ACCELERATORS = re.compile(r"(?:Cudnn|Nccl|TPU|Tpu|Infeed|Outfeed)\w*|(?:Recv|Send|Enqueue)TPU\w*")


def is_of_accelerators(op: str) -> bool:
    """Whether an op computes on GPUs or TPUs only."""
    return _OF_ACCELERATORS.fullmatch(op) is not None


def order(minor: str) -> tuple[int, ...]:
    """Return a key that sorts minors: 2.9 is before 2.10."""
    return tuple(int(part) for part in minor.split("."))


class Knowledge:
    """The tables, each read when it is first needed."""

    def known_minor(self, version: str) -> tuple[str, bool]:
        """Return the minor whose facts to use for a version, and whether that is the version's own minor.

        A release newer than the data is treated as the newest in it: TensorFlow rarely removes anything.
        """
        minor = minor_of(version)
        if minor in self.releases:
            return minor, True
        older = [each for each in self.releases if order(each) <= order(minor)]
        return (older[-1] if older else next(iter(self.releases))), False

    @cached_property
    def releases(self) -> dict[str, dict[str, Any]]:
        """The minors that the data covers, oldest first."""
        return dict(self._ops["releases"])

    def is_op(self, op: str) -> bool:
        """Whether any release has the op."""
        return op in self._unchanged or op in self._ops["changed"]

    def has_op(self, op: str, minor: str) -> bool:
        """Whether the op is registered in this minor."""
        first, last = self.registered(op)
        return self.is_op(op) and _within(minor, first, last)

    def registered(self, op: str) -> tuple[str | None, str | None]:
        """Return the first and the last minor with the op; None means before or after the data's minors."""
        row = self._ops["changed"].get(op, {})
        return row.get("since"), row.get("until")

    def has_kernel(self, op: str, minor: str) -> bool:
        """Whether the op, which must exist in this minor, can run on a CPU."""
        kernel = self._ops["changed"].get(op, {}).get("kernel")
        if kernel is None:
            return True
        return bool(kernel) and _within(minor, kernel[0], kernel[1])

    def kernels(self, op: str) -> tuple[str, str] | None:
        """Return the first and the last minor with a CPU kernel; None if no release has one."""
        kernel = self._ops["changed"].get(op, {}).get("kernel")
        return (kernel[0], kernel[1]) if kernel else None

    def attribute_since(self, op: str, attribute: str) -> str | None:
        """Return the minor that added an attribute to an existing op; None if none did."""
        since: str | None = self._ops["changed"].get(op, {}).get("attributes", {}).get(attribute)
        return since

    def object_kind_since(self, kind: str) -> str | None:
        """Return the first minor that loads objects of this kind; None if all do."""
        since: str | None = self._ops["object_kinds"].get(kind)
        return since

    def value_kind_since(self, kind: str) -> str | None:
        """Return the first minor that understands arguments of this kind; None if all do."""
        since: str | None = self._ops["value_kinds"].get(kind)
        return since

    def graph_version(self, minor: str) -> int:
        """Return the version of GraphDef that this minor reads and writes."""
        return int(self.releases[minor]["graph_version"])

    def is_keras_class(self, name: str) -> bool:
        """Whether Keras 2 has a layer, model or metric of this name."""
        return name in self._layers

    @cached_property
    def packages(self) -> OpPackages:
        """The packages that were installed to see which ops they register."""
        return OpPackages()

    @cached_property
    def precision(self) -> Precision:
        """Which ops lack bfloat16 on a CPU."""
        return Precision()

    def provider_of_op(self, op: str) -> Provider | None:
        """Return what provides an op that neither TensorFlow nor ``packages`` has; None if unknown."""
        return _provider(self._packages["ops"], op)

    def provider_of_class(self, name: str) -> Provider | None:
        """Return the provider of a class registered with Keras; None if unknown."""
        return _provider(self._packages["classes"], name)

    @cached_property
    def _ops(self) -> dict[str, Any]:
        return _read(OPS)

    @cached_property
    def _unchanged(self) -> frozenset[str]:
        return frozenset(self._ops["unchanged"])

    @cached_property
    def _layers(self) -> frozenset[str]:
        return frozenset(_read(KERAS)["layers"])

    @cached_property
    def _packages(self) -> dict[str, Any]:
        return _read(PACKAGES)


def _within(minor: str, first: str | None, last: str | None) -> bool:
    after = first is None or order(minor) >= order(first)
    return after and (last is None or order(minor) <= order(last))


def _provider(rows: list[dict[str, str]], name: str) -> Provider | None:
    for row in rows:
        if name.startswith(row["prefix"]):
            return Provider(row["package"], row.get("needs", row["package"]))
    return None


def _read(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if data.get("format") != FORMAT:
        raise StoreError(f"{path.name} has format {data.get('format')}, but this version reads {FORMAT}")
    return data
