"""The command line: ``savedmodel-matrix``. Matrices are run through nox: ``nox -s matrix``."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from savedmodel_matrix.commands.say import say
from savedmodel_matrix.domain.errors import HarnessError
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.domain.machine import stated
from savedmodel_matrix.domain.selection import Request, Selection, new_run_id, require_matches
from savedmodel_matrix.domain.visible import visible
from savedmodel_matrix.doors.arguments import Case, Fresh, Isolate, Matrix, Only, Separate, request_of
from savedmodel_matrix.planning.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        from savedmodel_matrix import __version__  # noqa: PLC0415 - reads the installed metadata

        say(f"savedmodel-matrix {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Run one SavedModel in many TensorFlow environments and see what differs."""


AsJson = Annotated[bool, typer.Option("--json", help="print JSON for a script")]
Root = Annotated[Path, typer.Option("--project", help="folder that holds matrices/ and results/")]


@app.command("plan")
def plan_command(
    matrix: Matrix = "default",
    only: Only = None,
    case: Case = None,
    fresh: Fresh = False,
    separate: Separate = False,
    isolate: Isolate = False,
    project: Root = Path(),
    as_json: AsJson = False,
) -> None:
    """Print what a run would do now. Nothing is installed, downloaded or run."""
    from savedmodel_matrix.commands.plan import describe_plan, render_plan  # noqa: PLC0415 - only what is asked for
    from savedmodel_matrix.questions.matrix import plan_of  # noqa: PLC0415 - as above

    opened = Workspace(project.resolve())
    request = request_of(only, case, fresh, separate, isolate=isolate)
    planned = plan_of(opened, matrix, request)
    require_matches(request.selection, [planned])
    described = describe_plan(opened, planned, request.selection)
    say(described.as_json() if as_json else render_plan(described))


@app.command("init")
def init_command(
    model: Annotated[Path, typer.Argument(help="folder of a SavedModel")],
    name: Annotated[str, typer.Option(help="name of the matrix to write")] = "default",
    project: Root = Path(),
) -> None:
    """Write a starter matrix for a model, and a noxfile if there is none."""
    from savedmodel_matrix.commands.init import write_matrix  # noqa: PLC0415 - as above

    for line in write_matrix(Workspace(project.resolve()), model, name):
        say(visible(line))


@app.command("inspect")
def inspect_command(
    model: Annotated[Path, typer.Argument(help="folder of a SavedModel")],
    loader: Annotated[Loader, typer.Option(help="how the model would be loaded")] = Loader.SAVED_MODEL,
    package: Annotated[
        list[str] | None,
        typer.Option("--with", help="a package installed with TensorFlow, such as tf-keras"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print what a model's files contain, and which releases should load it. No model code is run."""
    from savedmodel_matrix.commands.inspect import describe_model, render_model  # noqa: PLC0415 - as above

    described = describe_model(model, loader, package or ())
    say(described.as_json() if as_json else render_model(described))


@app.command("inputs")
def inputs_command(
    model: Annotated[Path, typer.Argument(help="folder of a SavedModel")],
    signature: Annotated[
        list[str] | None, typer.Option("--signature", help="one signature; may be repeated; default: all")
    ] = None,
    tensorflow: Annotated[
        str | None,
        typer.Option("--tensorflow", help="the release to run in; default: the model's own, or the next"),
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0, help="measuring time for each signature")
    ] = 120.0,
    output: Annotated[Path, typer.Option("--output", help="folder for the files")] = Path("inputs"),
    project: Root = Path(),
) -> None:
    """Make inputs for a model, run them, improve what they notice by measuring, and write them to files."""
    from savedmodel_matrix.commands.inputs import Wish, make_inputs  # noqa: PLC0415 - as above
    from savedmodel_matrix.commands.run import Place  # noqa: PLC0415 - as above
    from savedmodel_matrix.execution.executors.nox import NoxExecutor  # noqa: PLC0415 - as above

    opened = Workspace(project.resolve())
    folder = opened.root / output
    wish = Wish(model, tuple(signature or ()), tensorflow, seconds, folder)
    place = Place(opened.root / "noxfile.py", opened.root / ".nox", NoxExecutor(), os.getpid())
    raise typer.Exit(make_inputs(opened, wish, place))


@app.command("report")
def report_command(
    matrix: Matrix = "default",
    isolate: Isolate = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="every matrix and all evidence")] = False,
    project: Root = Path(),
) -> None:
    """Render a matrix again from what is recorded."""
    from savedmodel_matrix.commands.aggregate import aggregate  # noqa: PLC0415 - as above
    from savedmodel_matrix.questions.matrix import plan_of  # noqa: PLC0415 - as above

    opened = Workspace(project.resolve())
    plan = plan_of(opened, matrix, Request(isolate=isolate))
    run = new_run_id(opened.results.newest_run())
    raise typer.Exit(aggregate(opened, plan, Selection(), run, verbose=verbose))


@app.command("verify")
def verify_command(project: Root = Path()) -> None:
    """Check every stored file against its checksum, and set damaged ones aside."""
    from savedmodel_matrix.commands.verify import verify  # noqa: PLC0415 - as above

    say(verify(Workspace(project.resolve()).results))


@app.command("gc")
def gc_command(
    keep: Annotated[int, typer.Option(min=1, help="runs of each matrix to keep")] = 20,
    days: Annotated[float, typer.Option(min=0, help="keep what is younger")] = 7.0,
    delete: Annotated[bool, typer.Option("--delete", help="delete it; otherwise it is only listed")] = False,
    project: Root = Path(),
) -> None:
    """Show what neither the matrices nor recent runs need, and delete it with --delete."""
    from savedmodel_matrix.commands.gc import collect_garbage  # noqa: PLC0415 - as above

    collect_garbage(Workspace(project.resolve()), keep=keep, days=days, delete=delete)


@app.command("schema")
def schema_command(
    folder: Annotated[Path, typer.Argument(help="where to write the JSON Schemas")] = Path("schemas"),
    check: Annotated[bool, typer.Option(help="only check whether they are up to date")] = False,
) -> None:
    """Write the JSON Schemas of the matrix definition and of report.json."""
    from savedmodel_matrix.commands.schema import write_schemas  # noqa: PLC0415 - as above

    for line in write_schemas(folder, check=check):
        say(visible(line))


def main() -> None:
    """Run the command line; errors that the user can act on end without a traceback."""
    try:
        with stated():
            app()
    except HarnessError as error:
        say(str(error), error=True)
        sys.exit(error.exit_status)
    except Exception:
        say(traceback.format_exc(), error=True)
        sys.exit(HarnessError.exit_status)


if __name__ == "__main__":
    main()
