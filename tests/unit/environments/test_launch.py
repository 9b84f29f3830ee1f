from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import savedmodel_matrix.probe
from recordings import recording
from savedmodel_matrix.domain.errors import MachineError, ProbeError
from savedmodel_matrix.domain.probe_request import (
    CaseRequest,
    Measure,
    OutputsOf,
    SettingRequest,
    SourceFile,
)
from savedmodel_matrix.domain.recording import Recording
from savedmodel_matrix.environments import launch as launch_module
from savedmodel_matrix.environments.launch import Launch, run_probe
from savedmodel_matrix.probe.sealed import seal
from savedmodel_matrix.store.atomic import read_stored


class Probe:
    """Stands in for the probe's process: does its ``work`` at once, then ends with ``status``, or never."""

    def __init__(self):
        self.pid = 2**22 + 1  # above any real one
        self.status, self.killed, self.started = 0, False, []

    def work(self, request):
        """Do nothing unless a test says what."""

    def __call__(self, command, **options):
        self.started.append((command, options))
        self.request = json.loads(Path(command[-1]).read_text())
        self.work(self.request)
        return self

    def wait(self, timeout=None):
        if self.status is None and not self.killed:
            raise psutil.TimeoutExpired(timeout)
        return self.returncode

    def children(self, recursive):
        return []

    def kill(self):
        if self.status is not None:
            raise psutil.NoSuchProcess(self.pid)
        self.killed = True

    @property
    def returncode(self):
        return -9 if self.killed else self.status


@pytest.fixture
def probe(monkeypatch):
    probe = Probe()
    monkeypatch.setattr(launch_module.psutil, "Popen", probe)
    monkeypatch.setattr(os, "killpg", lambda *_: None)
    monkeypatch.setattr(launch_module, "_POLL_S", 0.0)
    return probe


@pytest.fixture
def make(tmp_path):
    def made(*keys, **changes):
        cases = [
            CaseRequest(
                result=str(tmp_path / "recordings" / f"{key}.json"),
                key=key,
                identity={"case": key},
                measure=Measure(kind="outputs"),
                setting=SettingRequest(),
                batches=(),
                inputs_error=None,
                runs=1,
                time_limit_s=0.0,
                memory_limit_bytes=None,
            )
            for key in keys
        ]
        fields = {
            "python": tmp_path / "bin" / "python",
            "objects": tmp_path / "objects",
            "variables": {"TF_ENABLE_ONEDNN_OPTS": "0"},
            "cases": cases,
            "labels": [("/project", "<project>")],
        }
        return Launch(**{**fields, **changes})

    return made


def write(case, **changes):
    """Write the recording of a case, which is a part of the request."""
    made = recording(key=case["key"], identity=case["identity"], **changes)
    Path(case["result"]).write_bytes(seal(made.model_dump_json(by_alias=True), "Recording"))


def imported(request):
    Path(request["imported"]).write_text("{}")


def unfiled_none(key, why):
    raise AssertionError(f"{key} was not filed: {why}")


def results_of(launch):
    found = []
    run_probe(launch, found.append, unfiled_none)
    on_disk = [read_stored(Path(case.result), Recording) for case in launch.cases]
    assert sorted(found, key=str) == sorted(on_disk, key=str)
    return {made.key: made for made in found}


def test_every_recording_is_handed_on(probe, make):
    probe.work = lambda request: [write(case) for case in request["cases"]]
    assert [made.outcome for made in results_of(make("a", "b")).values()] == ["recorded"] * 2


@pytest.mark.parametrize(
    ("status", "was_imported", "outcome", "reason"),
    [
        (
            -signal.SIGSEGV,
            False,
            "import-failed",
            "import tensorflow ended the process with signal SIGSEGV (11)",
        ),
        (1, False, "import-failed", "import tensorflow ended the process with exit status 1"),
        (
            -signal.SIGILL,
            False,
            "import-failed",
            "import tensorflow ended the process with signal SIGILL (4)",
        ),
    ],
)
def test_what_took_the_probe_with_it_is_an_outcome_of_what_is_left(
    probe, make, status, was_imported, outcome, reason
):
    def work(request):
        if was_imported:
            imported(request)
        write(request["cases"][0])

    probe.work, probe.status = work, status
    found = results_of(make("a", "b"))
    assert found["a"].outcome == "recorded"
    assert (found["b"].outcome, found["b"].reason) == (outcome, reason)
    assert (found["b"].format, found["b"].outputs, found["b"].identity) == (2, (), {"case": "b"})


def test_a_probe_that_dies_settles_nothing_but_the_case_that_it_died_of(probe, make):
    starts = []

    def work(request):
        imported(request)
        keys = [case["key"] for case in request["cases"]]
        starts.append(keys)
        for case in request["cases"]:
            if case["key"] == "killer":
                probe.status = -signal.SIGKILL
                return
            write(case)
        probe.status = 0

    probe.work = work
    found = results_of(make("a", "killer", "b", "c"))
    assert starts == [["a", "killer", "b", "c"], ["b", "c"], ["killer"]]
    assert {key: made.outcome for key, made in found.items() if key != "killer"} == dict.fromkeys(
        "abc", "recorded"
    )
    assert (found["killer"].outcome, found["killer"].reason) == (
        "crashed",
        "it ended the process that started it with signal SIGKILL (9)",
    )


def test_what_depends_on_a_suspect_runs_when_that_is_settled(probe, make):
    starts = []

    def work(request):
        imported(request)
        keys = [case["key"] for case in request["cases"]]
        starts.append(keys)
        probe.status = -signal.SIGKILL if "killer" in keys else 0
        for case in request["cases"][: keys.index("killer")] if "killer" in keys else request["cases"]:
            write(case)

    probe.work = work
    launch = make("killer", "after it", "on its outputs", "b")
    killer, after, on_outputs, other = launch.cases
    after = after.model_copy(update={"after": killer.result})
    taken = OutputsOf(name="after it", outputs_of=after.result)
    on_outputs = on_outputs.model_copy(update={"batches": taken})
    found = results_of(replace(launch, cases=[killer, after, on_outputs, other]))
    assert starts == [
        ["killer", "after it", "on its outputs", "b"],
        ["b"],
        ["killer"],
        ["after it", "on its outputs"],
    ]
    assert found["killer"].outcome == "crashed"


def test_a_hang_settles_nothing_but_the_case_that_hung(probe, make, monkeypatch):
    monkeypatch.setattr(launch_module, "GRACE_S", 0.0)
    starts = []

    def work(request):
        imported(request)
        keys = [case["key"] for case in request["cases"]]
        starts.append(keys)
        probe.killed = False
        probe.status = None if "hangs" in keys else 0
        for case in request["cases"]:
            if case["key"] == "hangs":
                return
            write(case)

    probe.work = work
    found = results_of(make("a", "hangs", "b"))
    assert starts == [["a", "hangs", "b"], ["b"], ["hangs"]]
    assert {key: made.outcome for key, made in found.items()} == {
        "a": "recorded",
        "hangs": "timed-out",
        "b": "recorded",
    }


def test_a_signal_that_asked_the_probe_to_end_is_named(probe, make):
    probe.work, probe.status = imported, 128 + signal.SIGTERM
    reason = results_of(make("a"))["a"].reason
    assert reason == "it ended the process that started it with signal SIGTERM (15)"


def test_what_was_killed_from_outside_and_runs_in_a_new_probe_is_recorded(probe, make):
    starts = []

    def work(request):
        imported(request)
        starts.append([case["key"] for case in request["cases"]])
        if len(starts) == 1:
            probe.status = -signal.SIGKILL
            return
        probe.status = 0
        for case in request["cases"]:
            write(case)

    probe.work = work
    found = results_of(make("a", "b"))
    assert [made.outcome for made in found.values()] == ["recorded", "recorded"]
    assert starts == [["a", "b"], ["b"], ["a"]]


@pytest.mark.parametrize("status", [-signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGINT])
def test_an_import_that_something_outside_ended_is_not_recorded(probe, make, status):
    probe.status = status
    said = {}
    launch = make("a", "b")
    run_probe(launch, lambda _: None, said.__setitem__)
    assert set(said) == {"a", "b"}
    assert all("something outside ended" in why for why in said.values())
    assert not any(Path(case.result).exists() for case in launch.cases)


def test_what_must_not_be_filed_is_said_and_leaves_nothing(probe, make):
    def work(request):
        write(request["cases"][1])
        Path(request["cases"][0]["result"] + ".unfiled").write_bytes(
            seal('{"key": "a", "reason": "it changed"}')
        )

    probe.work = work
    said, found = {}, []
    launch = make("a", "b")
    run_probe(launch, found.append, said.__setitem__)
    assert said == {"a": "it changed"}
    assert [made.key for made in found] == ["b"]
    assert sorted(path.name for path in Path(launch.cases[0].result).parent.iterdir()) == ["b.json"]


def test_an_import_that_hangs_is_ended(probe, make):
    probe.status = None
    found = results_of(make("a", import_limit_s=0.0))
    assert probe.killed
    assert (found["a"].outcome, found["a"].reason) == (
        "timed-out",
        "import tensorflow did not finish within 0 s",
    )


def test_a_probe_that_hangs_is_ended(probe, make, monkeypatch):
    monkeypatch.setattr(launch_module, "GRACE_S", 0.0)
    probe.status, probe.work = None, imported
    found = results_of(make("a"))
    assert probe.killed
    assert (found["a"].outcome, found["a"].reason) == ("timed-out", "the probe did not finish within 0 s")


def test_a_recording_of_before_does_not_pass_for_a_new_one(probe, make):
    launch = make("a")
    Path(launch.cases[0].result).parent.mkdir(parents=True)
    write(launch.cases[0].to_json(), outcome="crashed")
    imported_only = results_of(launch)
    assert imported_only["a"].outcome == "import-failed"


def test_what_the_probe_printed_is_kept(probe, make, monkeypatch):
    def work(request):
        log = Path(request["imported"]).parents[1] / "probe.log"
        log.write_bytes(b"x" * 100_000 + b"the last words \xff")

    probe.work = work
    tail = results_of(make("a"))["a"].log_tail
    assert tail.endswith("the last words �")
    assert len(tail) < 10_000


def test_only_what_a_setting_says_reaches_a_model(probe, make, monkeypatch):
    for name in ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "TF_CPP_MIN_LOG_LEVEL", "PYTHONPATH", "XLA_FLAGS"):
        monkeypatch.setenv(name, "of-the-user")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    run_probe(make("a"), lambda _: None, unfiled_none)
    ((command, options),) = probe.started
    environment = options["env"]
    assert "of-the-user" not in environment.values()
    assert environment["LC_ALL"] == "C.UTF-8"
    assert environment["PATH"] == os.environ["PATH"]
    assert environment["TF_ENABLE_ONEDNN_OPTS"] == "0"
    # A home of its own, gone afterwards.
    assert environment["HOME"] != os.environ.get("HOME")
    assert not Path(environment["HOME"]).exists()
    assert command[1:3] == ["-s", str(Path(savedmodel_matrix.probe.__file__).parent)]


def test_secrets_are_named_to_be_masked_and_are_no_part_of_the_record(probe, make, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_user")
    run_probe(make("a", variables={"API_KEY": "key-of-the-model", "TF_X": "1"}), lambda _: None, unfiled_none)
    assert {"hf_of_the_user", "key-of-the-model"} <= set(probe.request["secrets"])
    assert probe.request["variables"] == {"API_KEY": "***", "TF_X": "1"}
    assert probe.started[0][1]["env"]["API_KEY"] == "key-of-the-model"


def test_places_are_named_to_be_taken_out(probe, make):
    run_probe(make("a"), lambda _: None, unfiled_none)
    labels = [tuple(label) for label in probe.request["scrub"]]
    assert ("/project", "<project>") in labels
    assert (str(Path(probe.request["imported"]).parents[1]), "<scratch>") in labels


@pytest.mark.parametrize("status", [2, 5])
def test_a_fault_of_the_probe_is_none_of_the_models(probe, make, status):
    probe.status = status
    probe.work = lambda request: write(request["cases"][0])
    launch = make("a", "b")
    with pytest.raises(ProbeError, match=f"exit status {status}"):
        run_probe(launch, lambda _: None, unfiled_none)
    # Nothing passes for an outcome of what was not run.
    assert not Path(launch.cases[1].result).exists()


@pytest.fixture
def isolating(probe, make, monkeypatch):
    """A function that launches isolated; ``isolating.views`` are what the probe saw."""
    views = []

    def confine(view, home, command, scratch):
        views.append(view)
        return ["confined", *command]

    monkeypatch.setattr(launch_module, "confine", lambda: confine)
    monkeypatch.setattr(launch_module, "of_interpreter", lambda python: [python.parent.parent])

    def launched(*keys, **changes):
        found, said = [], {}
        launch = make(*keys, isolated=True, tensorflow=False, **changes)
        run_probe(launch, found.append, said.__setitem__)
        return {made.key: made for made in found}, said

    launched.views = views
    return launched


def staged(view, case):
    """Return a case's request with the place where an isolated probe really writes its result."""
    (results,) = (path for path in view.own if Path(case["result"]).is_relative_to(path))
    path = view.own[results] / Path(case["result"]).relative_to(results)
    assert path.parent.is_dir()
    return {**case, "result": str(path)}


def test_an_isolated_probe_writes_elsewhere_and_is_filed(probe, isolating, make, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_user")
    probe.work = lambda request: write(staged(isolating.views[-1], request["cases"][0]))
    found, said = isolating("a")
    assert (list(found), said) == (["a"], {})
    assert read_stored(Path(make("a").cases[0].result), Recording) == found["a"]
    assert probe.started[0][0][0] == "confined"
    assert probe.request["parent"] is None, "it is another process's child in its own namespace"
    assert "hf_of_the_user" not in json.dumps(probe.request), "the request is a file that the model can read"
    (view,) = isolating.views
    assert Path(savedmodel_matrix.probe.__file__).parent in view.shown
    assert Path(probe.request["imported"]).parents[1] not in view.own, "the log is there"


def test_what_an_isolated_probe_forges_is_not_recorded(probe, isolating, make):
    def work(request):
        case = staged(isolating.views[-1], request["cases"][0])
        Path(case["result"]).write_text("{}")

    probe.work = work
    found, said = isolating("a")
    assert not found
    assert "not a recording" in said["a"]
    assert not Path(make("a").cases[0].result).exists()


def test_the_signal_that_ended_an_isolated_probe_is_named(probe, isolating):
    probe.status, probe.work = 128 + signal.SIGSEGV, imported
    found, _ = isolating("a")
    assert (found["a"].outcome, found["a"].reason) == (
        "crashed",
        "it ended the process that started it with signal SIGSEGV (11)",
    )


@pytest.mark.parametrize(
    "complaint", ["bwrap: No permissions", "namespaces: unshare: Operation not permitted"]
)
def test_what_cannot_be_isolated_is_no_outcome(probe, isolating, make, complaint):
    def work(request):
        (Path(request["imported"]).parents[1] / "probe.log").write_text(complaint)

    probe.status, probe.work = 1, work
    with pytest.raises(MachineError, match=complaint):
        isolating("a")
    assert not Path(make("a").cases[0].result).exists()


def test_what_the_system_refuses_is_none_of_the_models(probe, make):
    probe.status = 4

    def work(request):
        sink = probe.started[-1][1]["stderr"]
        sink.write(b"of TensorFlow\nprobe: /results/objects: No space left on device\n")
        sink.flush()

    probe.work = work
    launch = make("a")
    with pytest.raises(MachineError, match=r"^/results/objects: No space left on device; run again"):
        run_probe(launch, lambda _: None, unfiled_none)
    assert not Path(launch.cases[0].result).exists()


def test_an_end_in_a_changed_environment_is_not_filed(probe, make, tmp_path):
    gone = SourceFile(path=str(tmp_path / "gone"), size=1, mtime_ns=1, ctime_ns=1, inode=1)
    probe.status = 1
    launch = make("a")
    launch = make(cases=[launch.cases[0].model_copy(update={"sources": (gone,)})])
    unfiled = {}
    run_probe(launch, lambda _: None, unfiled.__setitem__)
    assert unfiled == {"a": f"{gone.path} changed since the run began"}
    assert not Path(launch.cases[0].result).exists()
