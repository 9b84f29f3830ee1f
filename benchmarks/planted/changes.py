"""Changes that are planted in several models."""

from __future__ import annotations

from benchmarks.planted.change import Change

SCALE = Change("weights", "scale-1e-3", "scale", {"factor": 1.001}, "Every weight times 1.001.")
TF32 = Change(
    "weights",
    "tf32-weights",
    "round",
    {"type": "tf32"},
    "Weights rounded to TF32, as a GPU would multiply them.",
)
ULP = Change(
    "weights",
    "ulp",
    "ulp",
    {"seed": 1},
    "Every weight moved by -1, 0 or +1 unit in the last place: rounding, and no more.",
    real=False,
)


def scaled(name: str, variable: str, factor: float) -> Change:
    """Return a change of a variable's size."""
    says = f"The variable '{variable}' times {factor:g}."
    return Change("weights", name, "scale", {"tensors": [f"{variable}/*"], "factor": factor}, says)


def column(name: str, variable: str, column: int, factor: float) -> Change:
    """Return a change of the size of one column of a variable."""
    parameters = {"tensors": [f"{variable}/*"], "columns": [column], "factor": factor}
    says = f"Column {column} of the variable '{variable}' times {factor:g}."
    return Change("weights", name, "scale-columns", parameters, says)


def swapped(variable: str, one: int, other: int, name: str = "swap-labels") -> Change:
    """Return a change that swaps two columns of a variable."""
    parameters = {"tensors": [f"{variable}/*"], "columns": [one, other]}
    return Change("weights", name, "swap-columns", parameters, f"{one} and {other} changed places.")


def row(name: str, row: int, factor: float) -> Change:
    """Return a change of one row of the inputs."""
    return Change("inputs", name, "row-gain", {"row": row, "factor": factor}, f"Row {row} times {factor:g}.")
