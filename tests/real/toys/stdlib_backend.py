"""A backend in one file: environments made by the standard library's ``venv``, filled by uv."""

from __future__ import annotations

import subprocess

from savedmodel_matrix.environments.backends.uv import UvBackend
from savedmodel_matrix.environments.interpreters import find_interpreter


class StdlibBackend(UvBackend):
    name = "stdlib"
    nox = "venv"

    def make(self, folder, python):
        if not self.describe(folder).python.exists():
            command = [find_interpreter(python), "-m", "venv", "--without-pip", str(folder)]
            subprocess.run(command, check=True)
