"""Start the probe in an environment, supervise it, and make sure that every case gets a recording."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

import savedmodel_matrix.probe
from savedmodel_matrix.domain.effective import Effective
from savedmodel_matrix.domain.errors import MachineError
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.probe_request import OutputsOf, ProbeRequest
from savedmodel_matrix.domain.recording import Recording
from savedmodel_matrix.domain.secrets import masked, secret_values
from savedmodel_matrix.environments.ended import end, ended_with, raise_failure, status_of, was_stopped
from savedmodel_matrix.environments.isolation.confine import COMPLAINTS, confine
from savedmodel_matrix.environments.isolation.staging import Staging
from savedmodel_matrix.environments.isolation.view import View, of_cases, of_interpreter, of_variables
from savedmodel_matrix.environments.watch import Watch
from savedmodel_matrix.probe.exchange import changed_source
from savedmodel_matrix.probe.scrub import scrub
from savedmodel_matrix.probe.unfinished import owner_here
from savedmodel_matrix.store.atomic import write_stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from savedmodel_matrix.domain.probe_request import CaseRequest

#: The only variables of the caller's environment that a model sees. Secrets and stray TF_* switches are
#: not among them: a model is untrusted code, and a setting must name everything that it varies.
PASSED_ON = re.compile(
    r"PATH|LANG|LC_\w+|TZ|SYSTEMROOT|WINDIR|COMSPEC|NUMBER_OF_PROCESSORS|PROCESSOR_\w+"
    r"|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|CUDA_VISIBLE_DEVICES|CUDA_HOME|NVIDIA_\w+",
)

IMPORT_LIMIT_S = 300.0
#: Added to the sum of the cases' own limits. The probe enforces those itself, so this only ends a probe
#: that has stopped doing so.
GRACE_S = 60.0
_POLL_S = 0.1
_LOG_TAIL_BYTES = 8192
_PROBE = Path(savedmodel_matrix.probe.__file__).parent


@dataclass(frozen=True)
class Launch:
    """One start of the probe: an interpreter, variables, and cases in the probe's request format.

    Cases with different settings may share a start: TensorFlow reads only variables at import.

    ``labels`` are (path, label) pairs: each path is replaced by its label in every recorded text.
    """

    python: Path
    objects: Path
    variables: Mapping[str, str]
    cases: Sequence[CaseRequest]
    labels: Sequence[tuple[str, str]]
    tensorflow: bool = True
    """Whether the environment has TensorFlow; without it, every case is a stage."""
    isolated: bool = False
    """Whether the probe has no network and sees no files but those of its cases (``isolation``)."""
    gpu: bool = False
    """Whether an isolated probe sees the GPUs."""
    import_limit_s: float = IMPORT_LIMIT_S


def run_probe(
    launch: Launch, on_result: Callable[[Recording], None], on_unfiled: Callable[[str, str], None]
) -> None:
    """Run the probe until every case is accounted for.

    The probe writes recordings itself; ``on_result`` is called with each as it appears. ``on_unfiled`` gets
    the key of a case without a recording, and why: its model changed meanwhile, or something outside ended
    the probe. Nothing is recorded of such a case, so that the next run runs it.

    A probe that dies settles nothing but the case that it died of: the others run in a new one, the suspect
    runs alone after them, and what depends on a suspect runs when that is settled.

    Raises:
        ProbeError: if the probe reports a fault of its own.
        MachineError: if the operating system refuses what the probe needs, for example on a full disk.
    """
    suspects: list[CaseRequest] = []
    held: list[CaseRequest] = []
    waiting = list(launch.cases)
    while waiting:
        missing = _run_once(replace(launch, cases=waiting), on_result, on_unfiled, alone=False)
        suspects += missing[:1]  # cases run in their order
        waiting = []
        for case in missing[1:]:
            unsettled = {each.result for each in (*suspects, *held)}
            (waiting if unsettled.isdisjoint(_needed(case)) else held).append(case)
    for suspect in suspects:
        _run_once(replace(launch, cases=[suspect]), on_result, on_unfiled, alone=True)
    if held:
        run_probe(replace(launch, cases=held), on_result, on_unfiled)


def _needed(case: CaseRequest) -> set[str]:
    """Return the paths of the results that a case depends on."""
    taken = {case.batches.outputs_of} if isinstance(case.batches, OutputsOf) else set()
    return taken | ({case.after} if case.after is not None else set())


def _run_once(
    launch: Launch,
    on_result: Callable[[Recording], None],
    on_unfiled: Callable[[str, str], None],
    *,
    alone: bool,
) -> list[CaseRequest]:
    """Start the probe once. Return the cases that it left without a result when it died after the import.

    ``alone`` says that its only case is suspected of ending it: then that is the case's own outcome.
    """
    with tempfile.TemporaryDirectory(prefix="savedmodel-matrix-", ignore_cleanup_errors=True) as folder:
        scratch = Path(folder)
        # All that the probe may write to. The log is outside: the probe has it open, and cannot replace it.
        inside, log = scratch / "inside", scratch / "probe.log"
        inside.mkdir()
        imported, request = inside / "imported.json", inside / "request.json"
        request.write_text(json.dumps(_request(launch, imported, scratch).to_json()), encoding="utf-8")
        started = dt.datetime.now(dt.UTC)
        # -s: the user's site-packages are not part of the environment.
        command = [str(launch.python), "-s", str(_PROBE), str(request)]
        environ = _environment(launch.variables, inside)
        staging = None
        if launch.isolated:
            staging = Staging(launch.objects.parent, scratch / "results")
            staging.bring(launch.cases)
            _compile_packages(launch, environ, scratch)
            command = _confined(launch, command, environ, staging, scratch)
        watch = Watch(launch.cases, on_result, on_unfiled, staging)
        with log.open("wb") as sink:
            process = psutil.Popen(
                command,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=os.name == "posix",
            )
            try:
                why = _wait(process, imported, launch, watch)
            finally:
                end(process)
        watch.look()
        if not watch.missing:
            return []
        status = status_of(process.returncode, isolated=launch.isolated)
        raise_failure(status, _tail(log))
        if launch.isolated and not imported.exists() and _tail(log).startswith(COMPLAINTS):
            raise MachineError(f"models cannot be isolated here: {_tail(log).strip()}")
        ended = ended_with(status)
        # A probe that hangs had no more to do than its cases: one alone has had its time.
        if imported.exists() and not alone and (why is None or len(launch.cases) > 1):
            return watch.missing
        if why is None and not imported.exists() and was_stopped(status):
            for case in watch.missing:
                on_unfiled(case.key, f"something outside ended its environment's process with {ended}")
            return []
        if why is not None:
            outcome, reason = Outcome.TIMED_OUT, why
        elif imported.exists():
            outcome, reason = Outcome.CRASHED, f"it ended the process that started it with {ended}"
        else:
            outcome, reason = Outcome.IMPORT_FAILED, f"import tensorflow ended the process with {ended}"
        said = _scrubbed(launch, scratch, _tail(log))
        for case in watch.missing:
            if (changed := changed_source(case.to_json())) is not None:
                on_unfiled(case.key, f"{changed} changed since the run began")
                continue
            recording = _unwritten(case, outcome, reason, said, started)
            write_stored(Path(case.result), recording)
            on_result(recording)
    return []


def _confined(
    launch: Launch, command: list[str], environ: Mapping[str, str], staging: Staging, scratch: Path
) -> list[str]:
    """Return the command that runs ``command`` isolated.

    Raises:
        MachineError: if this machine cannot isolate.
    """
    inside, own = scratch / "inside", scratch / "confined"
    own.mkdir()
    shown = {_PROBE, *of_interpreter(launch.python), *of_variables(environ), *of_cases(launch.cases)}
    view = View(frozenset(shown), {inside: inside, launch.objects.parent: staging.folder}, launch.gpu)
    return confine()(view, inside, command, own)


def _compile_packages(launch: Launch, environ: Mapping[str, str], scratch: Path) -> None:
    """Import TensorFlow with its environment writable, once, so that Python stores what it compiles.

    An isolated probe cannot store it, and compiling takes most of an import's time. Only installed packages
    run here, isolated too.
    """
    folder = launch.python.parent.parent
    if not launch.tensorflow or any(folder.glob("lib*/python*/site-packages/tensorflow/__pycache__")):
        return
    inside, own = scratch / "inside", scratch / "compiling"
    own.mkdir()
    view = View(frozenset(of_interpreter(launch.python)), {inside: inside, folder: folder}, launch.gpu)
    command = confine()(view, inside, [str(launch.python), "-s", "-c", "import tensorflow"], own)
    quiet = subprocess.DEVNULL
    with contextlib.suppress(subprocess.TimeoutExpired):  # the probe says what is wrong with it
        subprocess.run(
            command, env=environ, stdin=quiet, stdout=quiet, stderr=quiet, timeout=launch.import_limit_s,
            check=False,
        )  # fmt: skip


def _request(launch: Launch, imported: Path, scratch: Path) -> ProbeRequest:
    return ProbeRequest(
        objects=str(launch.objects),
        imported=str(imported),
        # Isolated, its parent is the first process of its own namespace, whose end always ends it.
        parent=None if launch.isolated else os.getpid(),
        owner=owner_here(),
        tensorflow=launch.tensorflow,
        scrub=tuple(_labels(launch, scratch)),
        secrets=tuple(_secrets(launch)),
        variables=masked(launch.variables),
        cases=tuple(launch.cases),
    )


def _labels(launch: Launch, scratch: Path) -> list[tuple[str, str]]:
    return [*launch.labels, (str(scratch), "<scratch>"), (str(Path.home()), "~")]


def _secrets(launch: Launch) -> list[str]:
    # An isolated probe sees no others, so it need not know them to keep them out of its texts.
    return secret_values(launch.variables if launch.isolated else {**os.environ, **launch.variables})


def _environment(variables: Mapping[str, str], home: Path) -> dict[str, str]:
    passed = {name: value for name, value in os.environ.items() if PASSED_ON.fullmatch(name)}
    # A private home: ~/.keras/keras.json would be a hidden axis, and leftovers vanish with the scratch.
    own = {name: str(home) for name in ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP")}
    return {**passed, **own, **variables}


def _wait(process: psutil.Popen, imported: Path, launch: Launch, watch: Watch) -> str | None:
    """Wait for the probe; return why the wait was abandoned, or None if the probe ended on its own."""
    begun = time.monotonic()
    work_limit = sum(case.time_limit_s for case in launch.cases) + GRACE_S
    imported_at: float | None = None
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired, psutil.TimeoutExpired):
            process.wait(timeout=_POLL_S)
            return None
        watch.look()
        now = time.monotonic()
        if imported_at is None and imported.exists():
            imported_at = now
        if imported_at is None and now - begun > launch.import_limit_s:
            return f"import tensorflow did not finish within {launch.import_limit_s:g} s"
        if imported_at is not None and now - imported_at > work_limit:
            return f"the probe did not finish within {work_limit:g} s"


def _unwritten(
    case: CaseRequest, outcome: Outcome, reason: str, log_tail: str, started: dt.datetime
) -> Recording:
    return Recording(
        key=case.key,
        identity=case.identity,
        outcome=outcome,
        reason=reason,
        traceback=None,
        log_tail=log_tail,
        outputs=(),
        unstable=(),
        measured=None,
        effective=Effective(),
        phases={},
        started=started,
        ended=dt.datetime.now(dt.UTC),
    )


def _scrubbed(launch: Launch, scratch: Path, text: str) -> str:
    """Return what the probe's own process printed, scrubbed: the probe had no chance to do so."""
    scrubbed: str = scrub(text, _labels(launch, scratch), _secrets(launch))
    return scrubbed


def _tail(log: Path) -> str:
    return log.read_bytes()[-_LOG_TAIL_BYTES:].decode("utf-8", "replace")
