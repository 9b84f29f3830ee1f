from __future__ import annotations

import pytest
from savedmodel_matrix.knowledge.ops import Knowledge
from savedmodel_matrix.knowledge.precision import Lack, Precision, by_onednn

LINUX, OLD_CPU, NEW_CPU = "linux-x86_64", {"avx2"}, {"avx2", "avx512f", "avx512_vnni"}
ON, OFF = {"TF_ENABLE_ONEDNN_OPTS": "1"}, {"TF_ENABLE_ONEDNN_OPTS": "0"}


@pytest.mark.parametrize(
    ("release", "variables", "platform", "flags", "computes"),
    [
        ((2, 12), {}, LINUX, NEW_CPU, True),
        ((2, 12), OFF, LINUX, NEW_CPU, False),
        ((2, 8), {}, LINUX, NEW_CPU, False),
        ((2, 8), ON, LINUX, NEW_CPU, True),
        ((2, 4), ON, LINUX, NEW_CPU, False),
        ((2, 12), ON, LINUX, OLD_CPU, False),
        ((2, 12), {}, LINUX, {"avx512f"}, False),
        ((2, 12), {}, "linux-arm64", NEW_CPU, False),
        ((2, 12), {}, LINUX, (), None),
        ((2, 12), OFF, LINUX, (), False),
    ],
)
def test_onednn_computes_bfloat16_where_it_is_on_and_the_cpu_can(
    release, variables, platform, flags, computes
):
    assert by_onednn(release, variables, platform, flags) is computes


def test_the_table_says_what_was_seen():
    known = Precision()
    assert known.releases <= frozenset(Knowledge().releases)
    assert known.lack("FusedBatchNormV3.T", "2.12") is Lack.REFUSES
    assert known.lack("FusedBatchNormV3.T", "2.15") is None
    assert known.lack("Digamma.T", "2.15") is Lack.NO_KERNEL
    assert known.lack("MatMul.T", "2.12") is None
