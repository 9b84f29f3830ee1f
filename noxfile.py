# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "filelock>=3.30",
#     "google-crc32c>=1.6",
#     "ml-dtypes>=0.5",
#     "nox[uv]>=2026.10.20",
#     "numpy>=2.0",
#     "packaging>=24.2",
#     "pandas>=2.2",
#     "pillow>=10.4",
#     "protobuf>=5.29",
#     "psutil>=6.0",
#     "pydantic>=2.10",
#     "pypi-simple>=1.6",
#     "python-discovery>=1",
#     "requests>=2.32",
#     "rich>=13",
#     "scipy>=1.13",
#     "tabulate>=0.9",
#     "typer>=0.15",
#     "urllib3>=2.2",
#     "uv>=0.9",
# ]
# ///
"""savedmodel-matrix: start with `nox -s matrix`."""

import sys
from pathlib import Path

import nox

# Nox may run from an environment of its own that holds the packages above but not this one.
sys.path.insert(0, str(Path(__file__).parent / "harness"))

from savedmodel_matrix import register

register(__file__)

nox.options.sessions = ["matrix"]

#: Two workers, whatever the machine has: the tests of real environments start processes of their own. A file
#: stays with one worker, as its tests share what they record.
_AT_ONCE = ["-n", "2", "--dist", "loadfile"]


def _install(session: nox.Session, *groups: str) -> None:
    """Install the project, with dependency groups, into the session's environment."""
    arguments = [argument for group in groups for argument in ("--group", group)]
    session.install("-e", ".", *arguments)


@nox.session
def tests(session: nox.Session) -> None:
    """The whole suite: unit tests, then real environments. `-- tests/unit` for the fast part."""
    _install(session, "test")
    session.run("pytest", *_AT_ONCE, *(session.posargs or ["tests/unit", "tests/real", "-m", "not whole"]))


@nox.session
def faults(session: nox.Session) -> None:
    """Every fault, all of it, as before a release; the tests run the fast part."""
    _install(session, "test")
    session.run("pytest", "tests/real/faults", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, types, import layers, dependencies, the probe's oldest Python, and generated files."""
    _install(session, "lint", "test")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")
    session.run("deptry", "harness")
    # Maintainers' code may use every dependency group, and need not use them all.
    session.run("deptry", "benchmarks", "maintenance", "--ignore", "DEP002,DEP004")
    session.run(
        "vermin", "--target=3.6-", "--no-tips", "--violations", "--quiet", "harness/savedmodel_matrix/probe"
    )
    session.run("python", "-m", "maintenance.generate", "--check")


@nox.session
def package(session: nox.Session) -> None:
    """Build the wheel and the source archive, and check their contents and metadata."""
    _install(session, "package")
    folder = Path(session.create_tmp())
    for old in folder.glob("savedmodel_matrix-*"):
        old.unlink()
    session.run("python", "-m", "build", "--outdir", str(folder), ".")
    archives = sorted(str(path) for path in folder.glob("savedmodel_matrix-*"))
    session.run("twine", "check", "--strict", *archives)
    session.run("python", "-m", "maintenance.check_package", *archives)


@nox.session
def generate(session: nox.Session) -> None:
    """Write the generated files: schemas/ and docs/causes.md."""
    _install(session)
    session.run("python", "-m", "maintenance.generate")


@nox.session
def refresh(session: nox.Session) -> None:
    """Refresh the tables of TensorFlow releases and of what they require, from the package index."""
    _install(session)
    session.run("python", "-m", "maintenance.refresh_releases")
    session.run("python", "-m", "maintenance.refresh_requirements")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the cost of this tool versus working without it, as ratios within one run."""
    _install(session, "bench")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(python="3.9")
def examples(session: nox.Session) -> None:
    """Train the example models again, in a real TensorFlow 2.7.4 environment."""
    session.install("--require-hashes", "-r", "examples/requirements.txt")
    session.run("python", "examples/make_models.py", *session.posargs)
