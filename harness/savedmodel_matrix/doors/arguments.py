"""The options of a run, defined once for nox's ``-- ...`` and the command line."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

import typer

from savedmodel_matrix.domain.bisect import TENSORFLOW, Bisect, Predicate
from savedmodel_matrix.domain.errors import UsageError
from savedmodel_matrix.domain.selection import Request, Selection
from savedmodel_matrix.domain.thresholds import NOISE
from savedmodel_matrix.domain.upgrade import Upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Made = TypeVar("Made")
Matrix = Annotated[str, typer.Argument(help="name of a file in matrices/, without .toml")]

Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="GLOB", help="Environments, or ENVIRONMENT/SETTING; several --only add up."
    ),
]
Case = Annotated[
    list[str] | None, typer.Option("--case", metavar="GLOB", help="Case names; several --case add up.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Run again what is already recorded.")]
Separate = Annotated[
    bool, typer.Option("--separate", help="Add the cells that the last report of this matrix suggests.")
]
NoFixes = Annotated[bool, typer.Option("--no-fixes", help="Do not try fixes for failures.")]
Isolate = Annotated[
    bool,
    typer.Option(
        "--isolate",
        help="Run models and stages without network and home folder; the same as isolate = true.",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        min=1,
        metavar="N",
        help="How many environments run at the same time; default: as many as CPUs and memory allow.",
    ),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show everything that nox, uv and the environments print.")
]


Target = Annotated[
    str, typer.Argument(help="folder of a SavedModel, folder of such folders, or name of a matrix")
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="RELEASE", help="The release in production; default: the model's own."),
]
To = Annotated[
    str,
    typer.Option("--to", metavar="RELEASE", help="The release to reach, such as 2.21, latest or nightly."),
]
Everything = Annotated[
    bool, typer.Option("--all", help="Measure every release between, not only those that decide.")
]


class Reported(NamedTuple):
    """The matrix to report, and whether as recorded in isolation."""

    matrix: str
    isolate: bool


def request_of(
    only: Only = None,
    case: Case = None,
    fresh: Fresh = False,
    separate: Separate = False,
    no_fixes: NoFixes = False,
    isolate: Isolate = False,
    jobs: Jobs = None,
    verbose: Verbose = False,
) -> Request:
    """Run what is not recorded yet, compare everything, and write the reports."""
    return Request(
        selection=Selection(tuple(only or ()), tuple(case or ()), fresh),
        separate=separate,
        fixes=not no_fixes,
        isolate=isolate,
        jobs=jobs,
        verbose=verbose,
    )


def upgrade_of(
    target: Target,
    first: From = None,
    last: To = "latest",
    everything: Everything = False,
    no_fixes: NoFixes = False,
    isolate: Isolate = False,
    jobs: Jobs = None,
    verbose: Verbose = False,
) -> Request:
    """Find how far models can be upgraded, what breaks at which release, and what fixes it."""
    return Request(
        upgrade=Upgrade(target=target, first=first, last=last, everything=everything),
        fixes=not no_fixes,
        isolate=isolate,
        jobs=jobs,
        verbose=verbose,
    )


def bisect_of(
    target: Target,
    good: Annotated[str, typer.Option("--good", metavar="VERSION", help="A version with the good answer.")],
    bad: Annotated[str, typer.Option("--bad", metavar="VERSION", help="A version with another answer.")],
    package: Annotated[
        str, typer.Option("--package", metavar="NAME", help="What to bisect; keras, numpy, protobuf, ...")
    ] = TENSORFLOW,
    on: Annotated[Predicate, typer.Option("--on", help="What is asked of each version.")] = Predicate.VERDICT,
    over: Annotated[float, typer.Option("--over", min=0, help="With --on noise: how many times it.")] = NOISE,
    command: Annotated[
        str | None,
        typer.Option(
            "--command", help="With --on command: exits with 0 (good), 125 (unknown) or else (bad)."
        ),
    ] = None,
    tensorflow: Annotated[
        str | None,
        typer.Option("--tensorflow", metavar="RELEASE", help="With another package: the release that stays."),
    ] = None,
    python: Annotated[
        str | None, typer.Option("--python", metavar="MINOR", help="The Python that stays, such as 3.10.")
    ] = None,
    case: Annotated[
        str | None, typer.Option("--case", metavar="NAME", help="One case of the target.")
    ] = None,
    find_fix: Annotated[bool, typer.Option("--find-fix", help="Try fixes where it fails.")] = False,
    isolate: Isolate = False,
    jobs: Jobs = None,
    verbose: Verbose = False,
) -> Request:
    """Find the first version of a package with another answer, and whether the package itself is to blame."""
    bisect = Bisect(
        target=target,
        package=package,
        good=good,
        bad=bad,
        predicate=on,
        over=over,
        command=command,
        tensorflow=tensorflow,
        python=python,
        case=case,
    )
    return Request(bisect=bisect, fixes=find_fix, isolate=isolate, jobs=jobs, verbose=verbose)


def report_of(matrix: Matrix = "default", isolate: Isolate = False) -> Reported:
    """Render a matrix again from what is recorded."""
    return Reported(matrix, isolate)


def parse_request(arguments: Sequence[str], program: str) -> Request | None:
    """Parse the arguments after ``--`` on nox's command line; None if they ask for help, which is printed.

    ``program`` is the command before them, for the usage line.

    Raises:
        UsageError: for an option that does not exist or has no value; the usage is printed.
    """
    return _parsed(request_of, arguments, program)


def parse_upgrade(arguments: Sequence[str], program: str) -> Request | None:
    """Parse the arguments of the session ``plan``; otherwise as ``parse_request``."""
    return _parsed(upgrade_of, arguments, program)


def parse_bisect(arguments: Sequence[str], program: str) -> Request | None:
    """Parse the arguments of the session ``bisect``; otherwise as ``parse_request``."""
    return _parsed(bisect_of, arguments, program)


def parse_report(arguments: Sequence[str], program: str) -> Reported | None:
    """Parse the arguments of the session ``report``; otherwise as ``parse_request``."""
    return _parsed(report_of, arguments, program)


def _parsed(made_of: Callable[..., Made], arguments: Sequence[str], program: str) -> Made | None:
    if not arguments and made_of not in (upgrade_of, bisect_of):
        return made_of()  # typer need not be started
    found: list[Made] = []
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

    @app.command()
    @functools.wraps(made_of)
    def run(*positional: Any, **options: Any) -> None:  # noqa: ANN401 - as the function declares them
        found.append(made_of(*positional, **options))

    try:
        app(args=list(arguments), prog_name=program)
    except SystemExit as ended:
        if ended.code:
            raise UsageError(f"invalid options after -- (see above): {' '.join(arguments)}") from ended
    return found[0] if found else None
