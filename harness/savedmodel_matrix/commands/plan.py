"""The dry run: which environments, cells and cases would run, which are recorded, what to download."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.environments.interpreters import find_interpreter
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.execution.pending import current_installation, pending
from savedmodel_matrix.measurements.check import CheckMeasurement
from savedmodel_matrix.measurements.noise_floor import NoiseFloorMeasurement
from savedmodel_matrix.measurements.outputs import OutputsMeasurement
from savedmodel_matrix.models.preflight.prediction import Kind
from savedmodel_matrix.planning.foresee import foresee
from savedmodel_matrix.planning.locking import lock_status
from savedmodel_matrix.planning.ready import find_ready
from savedmodel_matrix.planning.stages import besides
from savedmodel_matrix.questions.fixes import left_to_do

if TYPE_CHECKING:
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.planning.project import Project

#: More cells × cases than this that are excluded for one reason are counted instead of named.
_MOST_NAMED = 6


def describe_plan(project: Project, plan: Plan, selection: Selection) -> dict[str, Any]:
    """Return what a run of the plan would do now, as JSON-like data."""
    waiting = pending(project, plan, selection)
    left = Counter(job.cell.environment for job in waiting if job.measurement == OutputsMeasurement.name)
    noise = [job for job in waiting if job.measurement == NoiseFloorMeasurement.name]
    checks = Counter(job.cell.environment for job in waiting if job.measurement == CheckMeasurement.name)
    ready = {name: find_ready(project, case) for name, case in plan.cases.items()}
    foreseen = foresee(project, plan, ready)
    jobs = list(plan.jobs())
    wanted = Counter(job.cell.environment for job in jobs if selection.wants(job))
    included = {job.cell.environment for job in jobs}
    environments = []
    for name, environment in plan.environments.items():
        row: dict[str, Any] = {"environment": name, "to_run": left[name], "of": wanted[name]}
        row["predicted"] = [
            {"setting": cell.setting, "case": case, "kind": each.kind, "stage": each.stage,
             "because": list(each.because), "needs": list(each.needs)}
            for (cell, case), each in foreseen.items()
            if cell.environment == name and each.kind is not Kind.LOADS
        ]  # fmt: skip
        row["besides"] = [
            {"environment": beside.id, "lock": lock_status(project, beside)[0]}
            for beside in besides(project, plan, environment)
        ]
        row["noise_floors"] = sum(job.cell.environment == name for job in noise)
        row["checks"] = checks[name]
        if name not in included and name not in plan.unavailable:
            environments.append({**row, "excluded": True})
            continue
        if name in plan.unavailable:
            environments.append({**row, "unavailable": plan.unavailable[name]})
            continue
        lock, problem, download = lock_status(project, environment)
        environments.append(
            {
                **row,
                "interpreter": find_interpreter(environment.python) is not None,
                "lock": lock,
                "lock_problem": problem,
                "installed": current_installation(project, environment, plan) is not None,
                "download_mb": download,
                "included_because": plan.included.get(name),
            }
        )
    return {
        "matrix": plan.matrix,
        "baseline": str(plan.baseline),
        "settings": list(plan.settings),
        "cases": list(plan.cases),
        "environments": environments,
        "excluded": [
            {"cell": str(cell), "case": case, "reason": reason}
            for (cell, case), reason in plan.excluded.items()
        ],
        "replicates": plan.noise_floor.replicates if plan.noise_floor else None,
        # Looking for failures makes cases ready, and a dry run must not fetch what is not there.
        "remedies_to_try": 0 if None in ready.values() else len(_attempts_left(project, plan)),
        "to_run": left.total(),
        "recorded": wanted.total() - left.total(),
        "remarks": list(plan.remarks),
    }


def _attempts_left(project: Project, plan: Plan) -> list[Job]:
    return left_to_do(project, plan, collect(project, plan, Selection())).jobs


def render_plan(described: dict[str, Any]) -> str:
    """Return the plan as text for a terminal."""
    rows = []
    for row in described["environments"]:
        if "unavailable" in row:
            rows.append({"environment": row["environment"], "what": f"unavailable: {row['unavailable']}"})
            continue
        if "excluded" in row:
            rows.append({"environment": row["environment"], "what": "excluded, see below"})
            continue
        what = f"runs {row['to_run']} of {row['of']}" if row["to_run"] else f"all {row['of']} recorded"
        if not row["of"]:
            what = "not selected"
        if row["noise_floors"]:
            # Beside the replicates each case is loaded twice more, run twice each, and once run in two parts.
            what += f", noise of {row['noise_floors']} cases: {described['replicates'] + 6} more runs of each"
        if row["besides"]:
            what += f", pipelines in {len(row['besides'])} environments beside"
        if row["checks"]:
            what += f", {row['checks']} checks"
        needs = [
            *([] if row["interpreter"] else ["an interpreter, from uv"]),
            *([f"lock {row['lock']}"] if row["lock"] != "current" else []),
            *(f"lock {each['lock']} beside" for each in row["besides"] if each["lock"] != "current"),
        ]
        size = "installed" if row["installed"] else _size(row["download_mb"])
        rows.append(
            {
                "environment": row["environment"],
                "what": what,
                "packages": size,
                "needs": ", ".join(needs),
                "predicted": _predicted(row["predicted"]),
            }
        )
    coming = [
        row["download_mb"]
        for row in described["environments"]
        if row.get("to_run") and not row.get("installed", True)
    ]
    known = [size for size in coming if size is not None]
    plus = "" if len(known) == len(coming) else f", and {len(coming) - len(known)} of unknown size"
    lines = [
        _extent(described),
        f"settings: {', '.join(described['settings'])}",
        f"cases: {', '.join(described['cases'])}",
        f"baseline: {described['baseline']}",
        "",
        tabulate(rows, headers="keys", tablefmt="simple", disable_numparse=True),
        "",
        f"{described['to_run']} to run, {described['recorded']} recorded already",
        f"to download: up to {sum(known)} MB{plus} (less what uv's cache holds)",
        f"fixes to try for what has failed so far: {described['remedies_to_try']} cells × cases",
        *_excluded(described),
        *(f"lock of {row['environment']}: {row['lock_problem']}" for row in described["environments"]
          if row.get("lock_problem")),
        *(f"remark: {remark}" for remark in described["remarks"]),
    ]  # fmt: skip
    return "\n".join(lines)


def _predicted(found: list[dict[str, Any]]) -> str:
    """Return in short what preflight has against an environment's cases, in whichever setting."""
    texts: dict[str, list[str]] = {}
    for each in found:
        said = f"needs {', '.join(each['needs'])}" if each["needs"] else f"fails to {each['stage']}"
        texts.setdefault(said, []).append(each["case"])
    return "; ".join(f"{', '.join(dict.fromkeys(cases))} {said}" for said, cases in texts.items())


def _excluded(described: dict[str, Any]) -> list[str]:
    """Return a line per reason; a pairwise cover leaves out thousands of cells for the same one."""
    places: dict[str, list[str]] = {}
    for row in described["excluded"]:
        places.setdefault(row["reason"], []).append(f"{row['cell']} {row['case']}")
    lines = []
    for reason, named in places.items():
        more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        lines.append(f"excluded: {', '.join(named[:_MOST_NAMED])}{more}: {reason}")
    return lines


def _extent(described: dict[str, Any]) -> str:
    counts = [f"{len(described[part])} {part}" for part in ("environments", "settings", "cases")]
    return f"matrix {described['matrix']}: {' × '.join(counts)}"


def _size(megabytes: int | None) -> str:
    return "unknown size" if megabytes is None else f"{megabytes} MB"
