"""Rules for models that compute in bfloat16, for which not every op has a CPU kernel.

The errors are ``No OpKernel was registered`` and ``Op does not support bfloat16 inputs``; which ops give them
is in precision.json; *seen* from 2.9 to 2.12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.domain.wording import count
from savedmodel_matrix.knowledge.precision import Lack, asks_for_onednn, by_onednn
from savedmodel_matrix.models.preflight.prediction import Finding, Stage, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.models.preflight.question import Question


#: What was seen to be fused with a BiasAdd, and the minors in which that was seen.
_FUSED = {"Conv2D.T", "MatMul.T"}
_FIRST_FUSED, _LAST_FUSED = (2, 9), (2, 13)


def lost_bfloat16(asked: Question) -> Iterator[Finding]:
    """Without oneDNN, an op without a kernel of its own fails; with it, nobody here knows (see the note)."""
    target = asked.target
    lacking = _lacking(asked)
    if not lacking or target.computes_elsewhere or _by_onednn(asked) is not False:
        return
    without = [op for op, lack in lacking.items() if lack is Lack.NO_KERNEL]
    graph = asked.graph
    # As in ``lost_kernels``: a session places every op of the graph itself before it restores.
    session = target.loader is Loader.V1_SESSION and (graph.restore_op or graph.init_op)
    at_load = session and any(graph.graph.ops[op].in_graph for op in without)
    named = f"{'op' if len(lacking) == 1 else 'ops'} {some(sorted(lacking))}"
    # A kernel that refuses is there for oneDNN to replace.
    replaced = Lack.REFUSES in lacking.values()
    way = ", which TF_ENABLE_ONEDNN_OPTS=1 switches on where the CPU has AVX512" if replaced else ""
    yield Finding(
        f"{named}: no bfloat16 in TensorFlow {asked.minor} on a CPU without oneDNN for bfloat16{way}",
        stage=Stage.LOAD if at_load else Stage.RUN,
    )


def fused_bfloat16(asked: Question) -> Iterator[Finding]:
    """``Value for attr 'T' of bfloat16 is not in the list of allowed values``; seen in 2.9, 2.12 and 2.13.

    With oneDNN on, ``remapper.cc`` fuses what only oneDNN has in bfloat16, whatever the CPU.
    """
    target, used = asked.target, _in_bfloat16(asked)
    fused = sorted(each.partition(".")[0] for each in _FUSED & used) if "BiasAdd.T" in used else []
    if not fused or target.computes_elsewhere or not target.grappler or _by_onednn(asked) is not False:
        return
    if _FIRST_FUSED <= asked.release <= _LAST_FUSED and asks_for_onednn(target.variables):
        yield Finding(
            f"bfloat16 in {some(fused)} with BiasAdd: with oneDNN on, TensorFlow {asked.minor} fuses them "
            "into an op that this CPU has no kernel for",
            stage=Stage.RUN,
        )


def bfloat16_by_onednn(asked: Question) -> Iterator[str]:
    """Yield a note for a model that may depend on oneDNN, and on a CPU with which it computes bfloat16."""
    lacking = _lacking(asked)
    if lacking and not asked.target.computes_elsewhere and _by_onednn(asked) is not False:
        yield (
            f"bfloat16 in {count(len(lacking), 'op')} ({some(sorted(lacking))}) depends on oneDNN, and on "
            "the CPU: it fails where oneDNN is off or the CPU lacks AVX512"
        )


def _lacking(asked: Question) -> dict[str, Lack]:
    known = asked.known.precision
    found = {each: known.lack(each, asked.minor) for each in sorted(_in_bfloat16(asked))}
    return {each.partition(".")[0]: lack for each, lack in found.items() if lack is not None}


def _in_bfloat16(asked: Question) -> set[str]:
    by_entry, entry = asked.graph.graph.bfloat16, asked.target.function or asked.target.signature
    wanted = by_entry.values() if entry is None or entry not in by_entry else [by_entry[entry]]
    return set().union(*wanted)


def _by_onednn(asked: Question) -> bool | None:
    target = asked.target
    return by_onednn(asked.release, target.variables, target.platform, target.cpu_flags)


RULES = (lost_bfloat16, fused_bfloat16)
