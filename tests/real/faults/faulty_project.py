"""A project to break."""

from __future__ import annotations

import json
import re

from project import RealProject, alive_in
from savedmodel_matrix.models.savedmodel.digest import DigestCache, model_digest

#: A status of 1 says "something differs"; a fault of this tool or of the machine never ends in it.
DIFFERS = 1
#: What two runs of one job on one host have in common.
FACTS = ("identity", "outcome", "reason", "outputs", "effective")


class Faulty(RealProject):
    """A project to break: every command is held to what is true of every fault.

    ``differs`` is set by a test whose cells really differ, because then the status may say so.
    """

    differs = False

    def run(self, *command, time_limit_s):
        """Run a command; no traceback is shown, and a fault is never reported as a difference."""
        found = super().run(*command, time_limit_s=time_limit_s)
        assert "Traceback (most recent call last)" not in found.output
        assert (
            re.search("\x1b\\]|[\x07\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", found.output) is None
        ), "no escape sequence and no direction mark of a name reaches the terminal"
        assert self.differs or found.status != DIFFERS, "a fault is not a difference"
        return found

    def assert_clean(self):
        """Assert that no process works here and that no temporary file is left."""
        assert not alive_in(self.root)
        left = [path for path in (self.root / "tmp").glob("*") if path.name != "uv.lock"]
        assert not left, "temporary files are removed"
        assert not list(self.root.rglob(".*.tmp")), "half-written files are removed"


def recorded(project):
    """Return of each recording, by key, what is the same in every run."""
    recordings = map(json.loads, (path.read_bytes() for path in project.recordings()))
    return {each["key"]: {name: each[name] for name in FACTS} for each in recordings}


def exported_again(project):
    """Return the digests of the models in ``re-exports/``; no two exports of a model have the same bytes."""
    cache = DigestCache(project.root / "digests.json")
    return {model_digest(path, cache) for path in project.results.glob("re-exports/*/model")}


def of_models_but(models, recorded):
    return {key: facts for key, facts in recorded.items() if facts["identity"]["model"] not in models}
