"""Random definitions in which one thing decides the results: it is always named, and never ruled out."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, fields

import pytest
from hypothesis import Phase, assume, find, given, settings
from hypothesis import strategies as st
from recordings import recording
from report.conftest import divergence
from savedmodel_matrix.domain.definition import Definition, EnvironmentBlock, SettingDefinition
from savedmodel_matrix.domain.job import Limits
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.evidence.collected import Collected
from savedmodel_matrix.knowledge.releases import Release, ReleaseTable
from savedmodel_matrix.planning.expand import expand
from savedmodel_matrix.report.document import ClassRow
from savedmodel_matrix.report.explain import explain_case
from savedmodel_matrix.verdicts.attribute.names import AS_SET, called, is_set, package_name, told_by

PLATFORM = "linux-x86_64"
PYTHONS = {"2.12.1": ("3.9", "3.10"), "2.13.1": ("3.10", "3.11"), "2.15.1": ("3.10", "3.11")}
RELEASES = ReleaseTable(
    [
        Release(
            version,
            dt.date(2022, 1, 1),
            yanked=False,
            wheels={
                name: {PLATFORM: dict.fromkeys(pythons, 500)} for name in ("tensorflow", "tensorflow-cpu")
            },
        )
        for version, pythons in PYTHONS.items()
    ]
)


def some(*values, most=3):
    return st.lists(st.sampled_from(values), min_size=1, max_size=most, unique_by=str)


#: A strategy for every axis of an environment: a new axis needs one here.
AXES = {
    "tensorflow": some(*PYTHONS),
    "python": some("auto", "3.10", "3.11"),
    "build": some("cpu", "gpu"),
    "resolve": some("release", "today", "2024-01-31", most=2),
    "requirements": some([], ["tensorflow-text"], ["numpy<2", "h5py"], ["build"], most=2),
    "without": some([], ["h5py"], ["tensorboard"], most=2),
    "beside": some([], ["pillow==9.5.0"], ["pillow==11.3.0"], most=2),
}
#: The same for every key of a setting.
KEYS = {
    "variables": st.dictionaries(
        st.sampled_from(
            ["TF_ENABLE_ONEDNN_OPTS", "TF_USE_LEGACY_KERAS", "CUDA_VISIBLE_DEVICES", "MY_TOKEN", "OTHER"]
        ),
        st.sampled_from("01"),
    ),
    "device": st.sampled_from([None, "cpu", "gpu:0"]),
    "intra_op_threads": st.sampled_from([None, 1, 2]),
    "inter_op_threads": st.sampled_from([None, 1]),
    "jit_compile": st.booleans(),
    "grappler": st.booleans(),
    "seed": st.sampled_from([None, 0, 1]),
    "deterministic": st.booleans(),
    "loader": st.sampled_from([None, "saved_model", "keras"]),
}
#: The same for the limits of a cell.
LIMITS = {"time_limit": st.sampled_from([10.0, 20.0]), "memory_limit": st.sampled_from(["1GB", "2GB"])}
BASELINE = "tf2.12.1-py3.9-cpu"
HOST = ("cpu_model", "os_release", "libc", "usable_cpus", "machine")
#: Facts that may be otherwise than what was set, and facts that tell what variables and options do.
STUBBORN = ("intra_op_threads", "seed", "loader", "tensorflow")
EFFECTS = ("onednn", "xla", "onednn_isa_cap", "gpus")
PACKAGES = ("absl-py", "wrapt", "numpy", "h5py", "tf-keras", "seed", "tensorboard")


def test_every_axis_key_and_limit_is_drawn():
    assert set(AXES) == set(EnvironmentBlock.model_fields)
    assert set(KEYS) == set(SettingDefinition.model_fields)
    assert {name.rsplit("_", 1)[0] for name in (each.name for each in fields(Limits))} == set(LIMITS)


@dataclass
class Drawn:
    """Some cells of a plan, with every difference between them: name -> value in each cell."""

    plan: object
    cells: list
    differences: dict
    effective: list

    @property
    def varied(self):
        return {name: column for name, column in self.differences.items() if len(set(column)) > 1}


@st.composite
def drawn_cells(draw):
    varied = draw(st.sets(st.sampled_from([*AXES, *KEYS]), min_size=1, max_size=4))
    block = {name: draw(AXES[name]) for name in AXES if name in varied}
    each = st.fixed_dictionaries({name: KEYS[name] for name in KEYS if name in varied})
    named = draw(st.dictionaries(st.sampled_from(["one", "two", "three"]), each, min_size=1))
    limits = draw(st.fixed_dictionaries({}, optional=LIMITS))
    definition = Definition.model_validate(
        {
            "baseline": BASELINE,
            "environments": [{"tensorflow": "2.15.1", **block}],
            "include": [{"tensorflow": "2.12.1", "python": "3.9", "reason": "there has to be a baseline"}],
            "settings": named,
            "cases": {"one": {"path": "model"}},
            "override": [{"cells": "*/two", **limits}] if limits else [],
        }
    )
    plan = expand(definition, "m", RELEASES, PLATFORM)
    cells = [
        cell
        for cell in plan.cells()
        if cell.environment not in plan.unavailable
        # Holes, as exclusions make them; the baseline is in few cases only.
        and draw(st.integers(0, 4)) > (3 if cell.environment == BASELINE else 0)
    ]
    assume(len(cells) > 1)
    differences = _set_in(plan, cells)
    facts = _facts(draw, plan, cells, differences)
    return Drawn(plan, cells, differences, facts)


def _set_in(plan, cells):
    """Return what the definition sets in each cell, by the names that a user knows."""
    environments = [plan.environments[cell.environment] for cell in cells]
    options = [plan.settings[cell.setting] for cell in cells]
    found = {called(name): tuple(str(getattr(each, name)) for each in environments) for name in AXES}
    found |= {
        called(name): tuple(str(getattr(each, name)) for each in options)
        for name in KEYS
        if name != "variables"
    }
    found["loader"] = tuple(value.replace("None", "saved_model") for value in found["loader"])
    for name in {name for each in options for name in each.variables}:
        found[f"variable {name}"] = tuple(each.variables.get(name, "unset") for each in options)
    for field in (each.name for each in fields(Limits)):
        found[called(field)] = tuple(str(getattr(plan.limits[cell, "one"], field)) for cell in cells)
    return found


#: What the values that are drawn mean to facts that are no texts.
_AS_FACT = {
    "onednn": {"1": True, "2": False, "3": None},
    "gpus": {each: [{"name": each, "compute_capability": "9.0"}] for each in "123"},
}


def _facts(draw, plan, cells, differences):
    """Return what each cell reports; packages and host facts, which move at random, are differences too."""
    drivers = list(differences)

    def moved(name):
        """Values that follow one of the options, or nothing that a user set."""
        by = draw(st.sampled_from([*drivers, None]))
        keys = differences[by] if by else tuple(range(len(cells)))
        values = {key: draw(st.sampled_from("123")) for key in dict.fromkeys(keys)}
        return tuple(values[key] for key in keys)

    packages = {name: moved(name) for name in draw(st.sets(st.sampled_from(PACKAGES), max_size=4))}
    host = {name: moved(name) for name in draw(st.sets(st.sampled_from(HOST), max_size=2))}
    stubborn = {name: moved(name) for name in draw(st.sets(st.sampled_from(STUBBORN), max_size=1))}
    effects = {name: moved(name) for name in draw(st.sets(st.sampled_from(EFFECTS), max_size=2))}
    honest = draw(st.booleans())  # whether XLA, oneDNN and Keras follow what was set
    differences |= {package_name(name): column for name, column in packages.items()}
    differences |= {called(name): column for name, column in host.items()}
    for name, column in stubborn.items():
        differences[called(name) + AS_SET] = differences[called(name)]
        differences[called(name)] = column
    for name in effects.keys() & _AS_FACT.keys():
        effects[name] = tuple(_AS_FACT[name][value] for value in effects[name])
    found = []
    for row, cell in enumerate(cells):
        environment, setting = plan.environments[cell.environment], plan.settings[cell.setting]
        installed = {name: column[row] for name, column in packages.items()}
        legacy = honest and setting.variables.get("TF_USE_LEGACY_KERAS") == "1"
        found.append(
            {
                "python": f"{environment.python}.1",
                "tensorflow": environment.tensorflow,
                "distributions": {"tensorflow-cpu": environment.tensorflow, **installed},
                "numpy": installed.get("numpy", "1.26.4"),
                "h5py": installed.get("h5py"),
                "tf_keras": installed.get("tf-keras"),
                "keras": {"from": "tf-keras" if legacy else "keras", "version": "2.15.0", "major": 2},
                "onednn": not (honest and setting.variables.get("TF_ENABLE_ONEDNN_OPTS") == "0"),
                "xla": "devices" if honest and setting.jit_compile else "off",
                "variables": {
                    name: "***" if "TOKEN" in name else value for name, value in setting.variables.items()
                },
                "intra_op_threads": setting.intra_op_threads or "default",
                "inter_op_threads": setting.inter_op_threads or "default",
                "grappler": setting.grappler,
                "seed": setting.seed,
                "op_determinism": setting.deterministic,
                "loader": setting.loader or "saved_model",
                "gpus": [],
                **{name: column[row] for name, column in (host | stubborn | effects).items()},
            }
        )
    return found


def explained(drawn, labels, results, last=Outcome.RUN_FAILED):
    """Return what is said of cells with these labels: as different results, or as outcomes."""
    outcomes = [Outcome.RECORDED, Outcome.LOAD_FAILED, last]
    rows = [
        Collected(
            cell,
            "one",
            outcome := Outcome.RECORDED if results else outcomes[label],
            None,
            required=True,
            recording=recording(
                outcome=outcome, effective={} if outcome is Outcome.IMPORT_FAILED else effective
            ),
        )
        for cell, label, effective in zip(drawn.cells, labels, drawn.effective, strict=True)
    ]
    members = {}
    for row, label in zip(rows, labels, strict=True):
        if row.outcome is Outcome.RECORDED:
            members.setdefault(str(label), []).append(str(row.cell))
    classes = [ClassRow(case="one", name=name, cells=cells) for name, cells in members.items()]
    firsts = [each.cells[0] for each in classes]
    apart = [
        divergence("one", a, b, Verdict.DIVERGED)
        for a in firsts
        for b in firsts
        if firsts.index(a) > firsts.index(b)
    ]
    found = explain_case(drawn.plan, "one", rows, classes, apart, {}, {})
    about = "results" if results else "outcomes"
    return found.says, next(each for each in found.explanations if each.about == about)


def labelled(data, column, last=1):
    """Label the values of a column: the first with 0, the last with ``last``, the others with anything."""
    values = list(dict.fromkeys(column))
    label_of = {value: data.draw(st.integers(0, 2)) for value in values} | {values[0]: 0, values[-1]: last}
    return [label_of[value] for value in column]


def is_ruled_out(cause, explanation):
    return any(
        line.partition(" alone do")[0].partition(" with ")[0] == cause
        for line in explanation.evidence
        if " alone do" in line
    )


def names_of(cause):
    """Return the names under which a cause may be told: its own, and the fact that tells its whole effect."""
    teller = told_by(cause)
    return {cause, f"{cause} (as set)", *({teller} if teller else ())}


def told(explanation):
    """Return the sets of an explanation, each factor with all that always change together with it."""
    aliases = {names[0]: set(names) for names in explanation.together}
    return [[aliases.get(name, {name}) for name in chosen] for chosen in explanation.sets]


def mentions(text, name):
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


def holds(drawn, labels, explanation):
    """Assert that no two cells contradict a set that is named."""
    for chosen in explanation.sets:
        columns = [drawn.differences.get(name) for name in chosen]
        if None not in columns:
            seen = {}
            for key, label in zip(zip(*columns, strict=True), labels, strict=True):
                assert seen.setdefault(key, label) == label, (chosen, key)


@given(drawn_cells(), st.data(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_one_cause_is_named_and_never_ruled_out(drawn, data, results):
    cause = data.draw(st.sampled_from(sorted(drawn.varied) or [None]))
    assume(cause)
    labels = labelled(data, drawn.differences[cause])
    says, explanation = explained(drawn, labels, results)
    names = names_of(cause)
    assert explanation.kind in ("explained", "ambiguous")
    assert any(len(chosen) == 1 and names & chosen[0] for chosen in told(explanation)), (cause, explanation)
    named = any(mentions(says, name) for name in names)
    assert named or (not is_set(cause) and re.search(r"one of \d+ other", says)), (cause, says)
    assert not is_ruled_out(cause, explanation)
    holds(drawn, labels, explanation)


@given(drawn_cells(), st.data())
@settings(max_examples=150, deadline=None)
def test_a_cause_that_cells_which_failed_early_do_not_report_is_not_ruled_out(drawn, data):
    cause = data.draw(st.sampled_from(sorted(drawn.varied) or [None]))
    assume(cause)
    labels = labelled(data, drawn.differences[cause], last=2)
    _, explanation = explained(drawn, labels, results=False, last=Outcome.IMPORT_FAILED)
    named = any(len(chosen) == 1 and names_of(cause) & chosen[0] for chosen in told(explanation))
    assert named or any("not known in every cell and may matter too" in line for line in explanation.evidence)
    # Where what was in effect is not what was set, a cell that does not report it says nothing.
    assert named or not is_set(cause) or cause + AS_SET in drawn.differences
    assert not is_ruled_out(cause, explanation)


@given(drawn_cells(), st.data(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_two_causes_together_are_named_and_never_ruled_out(drawn, data, results):
    pairs = sorted(drawn.varied)
    assume(len(pairs) > 1)
    first, second = data.draw(st.lists(st.sampled_from(pairs), min_size=2, max_size=2, unique=True))
    labels = labelled(data, list(zip(drawn.differences[first], drawn.differences[second], strict=True)))
    _, explanation = explained(drawn, labels, results)
    names = names_of(first) | names_of(second)
    found = any(all(names & factor for factor in chosen) for chosen in told(explanation))
    # Fewer factors may do as well; then larger sets are not all tried, and the evidence says so.
    assert found or any("the search stopped at its limits" in line for line in explanation.evidence), names
    holds(drawn, labels, explanation)


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of what is found, which nobody prints
@pytest.mark.parametrize("name", [*AXES, *KEYS, "time_limit_s", "memory_limit_bytes"])
def test_everything_that_can_be_set_differs_in_some_of_the_drawn_cells(name):
    def differs(drawn):
        found = [each.split()[0] if each.startswith("variable ") else each for each in drawn.varied]
        return called(name).removesuffix("s" if name == "variables" else "") in found

    find(drawn_cells(), differs, settings=settings(phases=[Phase.generate], max_examples=2000))
