"""Every entry against real failures: each file in ``failures/`` says how it was made.

``made`` has the environments (Python, packages, as of which date, packages put over those), the code that
made the model there, and the code that failed. Machine paths are labels; long tracebacks are cut in front.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.knowledge.causes.base import known_causes
from savedmodel_matrix.verdicts.causes.match import find_causes

FOLDER = Path(__file__).with_name("failures")
FAILURES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
#: What has to be installed for an entry that nobody has seen.
INSTALLED = {"op-newer-than-installed": {"tensorflow-text": "2.8.2"}}
KNOWN = {cause.id: cause for cause in known_causes()}


def matches_of(failure):
    return find_causes(
        Outcome(failure["outcome"]),
        failure["reason"],
        failure["traceback"],
        failure["log_tail"],
        failure["tensorflow"],
        frozenset(failure["features"]),
        producer=failure["producer"],
        installed=failure.get("installed"),
    )


def causes_of(failure):
    return [match.cause.id for match in matches_of(failure)]


@pytest.mark.parametrize("name", FAILURES)
def test_a_real_failure_is_explained_by_its_own_cause_first(name):
    failure = FAILURES[name]
    assert KNOWN[failure["cause"]].seen
    assert causes_of(failure)[:1] == [failure["cause"]]


@pytest.mark.parametrize("name", FAILURES)
def test_it_says_how_it_was_made_and_names_no_machine(name):
    failure = FAILURES[name]
    assert failure["made"]
    assert not re.search(
        r"/(?:root|home|tmp|work|Users|opt|usr)/|https?://(?:localhost|\d)", json.dumps(failure)
    )


def test_every_seen_entry_has_a_real_failure():
    shown = {failure["cause"] for failure in FAILURES.values()}
    assert shown == {cause.id for cause in known_causes() if cause.seen}
    assert len(shown) >= 20


@pytest.mark.parametrize(
    "cause", [cause for cause in known_causes() if not cause.seen], ids=lambda cause: cause.id
)
def test_an_unseen_entry_matches_the_text_of_its_source(cause):
    # What of it is printed, and not raised, comes after " | ".
    reason, _, log = cause.example.partition(" | ")
    releases = ("2.21.0", "2.15.1", "2.9.3", "2.4.4")
    running = next(each for each in releases if cause.tensorflow is None or each in cause.tensorflow)
    for outcome in cause.outcomes:
        matches = find_causes(outcome, reason, None, log, running, installed=INSTALLED.get(cause.id))
        assert [match.cause.id for match in matches][:1] == [cause.id]


#: What a healthy TensorFlow prints, of several releases.
HARMLESS_LOG = Path(__file__).with_name("harmless.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.RECORDED])
@pytest.mark.parametrize(
    "reason",
    [
        None,
        "",
        "ValueError: something that nobody has seen before",
        "RuntimeError: the vocabulary has 3 words, the table 4",
        "AttributeError: 'Model' object has no attribute 'slots'",
        "KeyError: 'numpy'",
        "ended with exit status 1 and no result, while loading",
        "excluded: covered by the nightly run",
        "InvalidArgumentError: assertion failed: [x must be positive] [Condition x > 0]",
    ],
)
def test_what_is_harmless_or_new_matches_nothing(outcome, reason):
    traceback = (
        "Traceback (most recent call last):\n"
        '  File "<environment>/site-packages/tensorflow/python/saved_model/load.py", line 9, in load\n'
        "    load_partial(export_dir, None, tags, options)\n"
        f"{reason}"
    )
    assert find_causes(outcome, reason, traceback, HARMLESS_LOG, "2.18.1") == []
    assert find_causes(outcome, reason, None, None, None) == []


def test_what_tensorflow_tried_before_is_not_to_blame():
    # It calls a signature of TensorFlow 1 in one way, and after that failed in another.
    handled = FAILURES["device-of-worker-2.15.1"]["traceback"].rpartition("Error: ")[0]
    failure = {**FAILURES["device-of-worker-2.15.1"], "reason": "InvalidArgumentError: something new"}
    assert causes_of({**failure, "traceback": f"{handled}Error: something new"}) == []


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("flatbuffers-1.12-on-2.16", "flatbuffers uses imp, which this Python no longer has"),
        ("pkg-resources-hub-0.15", "tensorflow_hub needs pkg_resources, which setuptools 82 removed"),
        ("protobuf-hub-0.12", "tensorflow_hub has protocol buffer code that protobuf 4 and later refuse"),
        (
            "published-later",
            "pandas 2.2.0 was published after the day as of which packages are resolved",
        ),
    ],
)
def test_the_title_names_the_package_that_broke(name, title):
    assert matches_of(FAILURES[name])[0].title == title
