from __future__ import annotations

import json

import pytest
from op_table import TABLE
from packaging.version import Version
from savedmodel_matrix.domain.errors import StoreError
from savedmodel_matrix.knowledge import op_packages
from savedmodel_matrix.knowledge.missing_ops import ALWAYS, FACTS, MissingOp, explain_op
from savedmodel_matrix.knowledge.op_packages import DATA, OpPackages
from savedmodel_matrix.knowledge.ops import Knowledge

HERE = "linux-x86_64"


@pytest.fixture
def known(tmp_path, monkeypatch):
    """The shipped knowledge, with a small table of packages."""
    path = tmp_path / "op_packages.json"
    path.write_text(json.dumps(TABLE))
    monkeypatch.setattr(op_packages, "DATA", path)
    return Knowledge()


def test_an_op_has_a_package_and_releases(known):
    found = known.packages.of_op("New")
    assert (found.name, found.module, found.library) == ("words", "words", None)
    assert (found.having, found.lacking) == (("2.9.0", "2.15.0"), ("2.8.2",))
    assert found.first == "2.9.0"
    assert found.working(HERE) == {"2.9": "2.9.0", "2.15": "2.15.0"}
    assert known.packages.of_op("Oldest").first is None, "nobody saw a release without it"
    assert known.packages.of_op("Nobodys") is None


@pytest.mark.parametrize(
    ("release", "has"),
    [
        ("2.8.1", False),
        ("2.8.2", False),
        ("2.8.9", None),
        ("2.9.0", True),
        ("2.9.5", True),
        ("2.16.0", True),
        ("nonsense", None),
    ],
)
def test_releases_that_nobody_saw_are_between_those_that_were(known, release, has):
    assert known.packages.of_op("New").has_op(release) is has


def test_an_op_that_went_away(known):
    assert known.packages.of_op("Gone").has_op("2.15.0") is False
    assert known.packages.of_op("Gone").has_op("2.16.0") is False


def test_a_release_needs_wheels_for_the_platform_and_must_work(known):
    found = known.packages.of_op("New")
    assert found.release("2.9", HERE) == "2.9.0"
    assert found.release("2.9", "windows-x86_64") is None
    assert found.release("2.18", HERE) is None
    assert known.packages.of_op("Lazy>One").release("2.15", HERE) is None


@pytest.mark.parametrize(
    ("op", "minor", "installed", "kind", "facts"),
    [
        ("DisableCopyOnRead", "2.9", {}, MissingOp.LATER_TENSORFLOW, {"since": "2.10"}),
        ("Rpc", "2.9", {}, MissingOp.EARLIER_TENSORFLOW, {"until": "2.4"}),
        (
            "New",
            "2.9",
            {},
            MissingOp.PACKAGE,
            {"provider": "words 2.9.0 or later", "requirement": "words==2.9.0", "module": "words"},
        ),
        ("Oldest", "2.9", {"other": "1"}, MissingOp.PACKAGE, {"provider": "words"}),
        ("New", "2.9", {"Words": "2.9.0"}, MissingOp.NOT_IMPORTED, {"module": "words"}),
        ("New", "2.9", {"words": ""}, MissingOp.NOT_IMPORTED, {"module": "words"}),
        (
            "New",
            "2.15",
            {"words": "2.8.2"},
            MissingOp.OLDER_PACKAGE,
            {"installed": "2.8.2", "requirement": "words==2.15.0", "module": "words"},
        ),
        (
            "New",
            "2.8",
            {"words": "2.8.2"},
            MissingOp.NEWER_THAN_PACKAGE,
            {"release": "2.8.2", "since": "2.9"},
        ),
        ("New", "2.8", {}, MissingOp.NEWER_THAN_PACKAGE, {"release": "2.8.2", "since": "2.9"}),
        ("Gone", "2.15", {}, MissingOp.NEWER_THAN_PACKAGE, {"release": "2.15.0"}),
        (
            "New",
            "2.18",
            {},
            MissingOp.NO_RELEASE,
            {"works": "the last that works is 2.15.0 on TensorFlow 2.15"},
        ),
        ("New", "2.21", {}, MissingOp.PACKAGE, {"module": "words"}),
        ("Lazy>One", "2.9", {}, MissingOp.PACKAGE, {"library": "lazy_words/ops.so of lazy-words==0.2"}),
        ("Lazy>One", "2.9", {"lazy_words": "0.2"}, MissingOp.NOT_IMPORTED, {"package": "lazy-words"}),
        ("TfqSimulate", "2.9", {}, MissingOp.NAMED, {"needs": "tensorflow-quantum"}),
        ("ZeroOut", "2.9", {}, MissingOp.UNKNOWN, {}),
    ],
)
def test_why_an_op_is_missing(known, op, minor, installed, kind, facts):
    answer = explain_op(known, op, minor, HERE, installed)
    assert answer.kind is kind
    assert dict(answer.facts) == {**answer.facts, **facts}
    assert ALWAYS[kind] <= set(answer.facts) <= FACTS


@pytest.mark.parametrize(
    ("minor", "works"),
    [
        ("2.7", "the first that works is 2.9.0 on TensorFlow 2.9"),
        ("2.12", "the nearest that work are 2.9.0 on TensorFlow 2.9 and 2.15.0 on TensorFlow 2.15"),
    ],
)
def test_which_releases_work_nearby(known, monkeypatch, minor, works):
    monkeypatch.setitem(known.packages.of_op("New").tried, minor, {"problem": "no release fits"})
    assert explain_op(known, "New", minor, HERE, {}).facts["works"] == works


def test_for_an_untried_tensorflow_the_resolver_chooses_the_release(known):
    assert explain_op(known, "New", "2.21", HERE, {}).facts["requirement"] == "words"
    assert "requirement" not in explain_op(known, "New", "2.21", HERE, {"words": ""}).facts


def test_a_release_later_than_its_tensorflow_comes_with_a_date(known):
    assert "as_of" not in explain_op(known, "New", "2.9", HERE, {}).facts
    known.packages.of_op("New").tried["2.9"]["as_of"] = "2023-05-01"
    assert explain_op(known, "New", "2.9", HERE, {}).facts["as_of"] == "2023-05-01"


@pytest.mark.parametrize(
    ("installed", "minor", "kind"),
    [
        ("2.9.0", "2.9", None),
        ("2.9.4", "2.9", MissingOp.OLDER_PACKAGE),
        ("2.19.0", "2.21", MissingOp.NEWER_THAN_PACKAGE),
    ],
)
def test_an_imported_release_that_does_not_register_an_op_lacks_it(known, installed, minor, kind):
    answer = explain_op(known, "New", minor, HERE, {"words": installed}, ["words"])
    assert (answer and answer.kind) is kind


def test_an_op_that_is_there_is_not_missing(known):
    assert explain_op(known, "MatMul", "2.9", HERE, {}) is None


def test_another_format_is_refused(tmp_path, monkeypatch):
    (tmp_path / "other.json").write_text('{"format": 99}')
    monkeypatch.setattr(op_packages, "DATA", tmp_path / "other.json")
    with pytest.raises(StoreError, match="has format 99"):
        OpPackages().of_op("A")


def test_the_shipped_table_agrees_with_itself():
    ops = Knowledge()
    for name, row in json.loads(DATA.read_text())["packages"].items():
        seen = {each["release"] for each in row["tried"].values() if "problem" not in each}
        assert seen == set(row["wheels"]), name
        for each in row["registers"]:
            assert set(each["in"]) <= seen, name
            assert each["in"] == sorted(each["in"], key=Version), name
            assert [op for op in each["ops"] if ops.is_op(op)] == [], name
        for minor, each in row["tried"].items():
            assert minor in ops.releases
            assert {"release", "problem"} & set(each), (name, minor)


@pytest.mark.parametrize(
    ("op", "package", "module"),
    [
        ("FastBertNormalize", "tensorflow-text", "tensorflow_text"),
        ("Scann>ScannSearchBatched", "scann", "scann"),
        ("SimpleMLCreateModelResource", "tensorflow-decision-forests", "tensorflow_decision_forests"),
    ],
)
def test_what_was_seen_of_well_known_ops(op, package, module):
    found = OpPackages().of_op(op)
    assert (found.name, found.module) == (package, module)
    assert found.release("2.15", HERE)
