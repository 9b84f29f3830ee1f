"""The table's answers, on a small table of our own and on the one that is checked in."""

from __future__ import annotations

import datetime as dt

import pytest
from savedmodel_matrix.domain.errors import DefinitionError, StoreError
from savedmodel_matrix.knowledge.releases import Release, ReleaseTable, UnknownReleaseError

LINUX = "linux-x86_64"


def release(version, wheels=None, *, day="2024-01-01", yanked=False):
    wheels = wheels or {"tensorflow": {LINUX: {"3.10": 500, "3.11": 501}}}
    return Release(version, dt.date.fromisoformat(day), yanked, wheels)


@pytest.fixture(scope="module")
def real():
    return ReleaseTable.load()


@pytest.fixture
def small():
    night = {"tf-nightly": {LINUX: {"3.13": 645}}}
    return ReleaseTable(
        [
            release("2.9.2"),
            release("2.9.3", yanked=True),
            release("2.15.0"),
            release("2.15.0.post1"),
            release("2.16.0rc0"),
            release("2.23.0.dev20260101", night),
            release("2.23.0.dev20260102", {"tf-nightly": {"macos-arm64": {"3.13": 250}}}),
        ]
    )


class TestResolve:
    @pytest.mark.parametrize(
        ("spec", "version"),
        [
            ("2.9.2", "2.9.2"),
            ("2.9.3", "2.9.3"),
            ("2.9", "2.9.2"),
            ("2.15", "2.15.0.post1"),
            ("latest", "2.15.0.post1"),
            ("rc", "2.16.0rc0"),
            ("nightly", "2.23.0.dev20260102"),
        ],
    )
    def test_names_one_version(self, small, spec, version):
        assert small.resolve(spec) == version

    def test_nightly_skips_nights_without_wheels_for_the_platform(self, small):
        assert small.resolve("nightly", LINUX) == "2.23.0.dev20260101"
        with pytest.raises(UnknownReleaseError, match="no nightly with wheels for windows-x86_64"):
            small.resolve("nightly", "windows-x86_64")

    def test_no_candidate_newer_than_the_newest_final(self):
        table = ReleaseTable([release("2.16.0rc0"), release("2.16.1")])
        with pytest.raises(UnknownReleaseError, match=r"newer than the newest release, 2\.16\.1"):
            table.resolve("rc")

    @pytest.mark.parametrize(
        ("spec", "words"),
        [
            ("2.9.7", r"nearest: 2\.9\.2, 2\.9\.3 "),
            ("2.16", r"2\.16 has no final release yet; there is 2\.16\.0rc0"),
            ("2.3", r"2\.9\.2 is the oldest"),
            ("3.1", r"nearest: 2\.15\.0\.post1 "),
            ("nigthly", "nearest: nightly "),
            ("???", "nearest: latest, rc, nightly, 2.15 "),
        ],
    )
    def test_unknown_names_the_nearest(self, small, spec, words):
        with pytest.raises(DefinitionError, match=words) as caught:
            small.resolve(spec)
        assert len(caught.value.problems) == 1


class TestRealTable:
    """Facts of the index that other parts rely on; field notes, section 1."""

    def test_holds_every_minor(self, real):
        minors = [version.rsplit(".", 1)[0] for version in real.minor_releases()]
        assert minors[:18] == [f"2.{minor}" for minor in range(4, 22)]
        assert "2.20.0" in real.minor_releases()

    @pytest.mark.parametrize(
        ("version", "pythons"),
        [
            ("2.4.4", "3.6 3.7 3.8"),
            ("2.7.4", "3.7 3.8 3.9"),
            ("2.15.1", "3.9 3.10 3.11"),
            ("2.21.0", "3.10 3.11 3.12 3.13"),
        ],
    )
    def test_pythons(self, real, version, pythons):
        assert real.pythons(version, "cpu", LINUX) == tuple(pythons.split())
        assert real.newest_python(version, "cpu", LINUX) == pythons.split()[-1]

    def test_newest_python_is_one_the_probe_runs_on(self, real):
        assert real.pythons("2.22.0rc0", "cpu", LINUX)[-1] == "3.14"
        assert real.newest_python("2.22.0rc0", "cpu", LINUX) == "3.13"

    def test_newest_python_without_wheels(self, real):
        assert real.newest_python("2.9.3", "cpu", "macos-arm64") is None

    @pytest.mark.parametrize(
        ("cell", "requirement"),
        [
            (("2.15.1", "cpu", LINUX, "3.11"), "tensorflow-cpu==2.15.1"),
            (("2.18.1", "cpu", "linux-aarch64", "3.11"), "tensorflow==2.18.1"),
            # tensorflow-cpu 2.4.2 has a Windows wheel for 3.6 alone.
            (("2.4.2", "cpu", "windows-x86_64", "3.6"), "tensorflow-cpu==2.4.2"),
            (("2.4.2", "cpu", "windows-x86_64", "3.8"), "tensorflow==2.4.2"),
            (("2.13.1", "gpu", LINUX, "3.11"), "tensorflow==2.13.1"),
            (("2.14.1", "gpu", LINUX, "3.11"), "tensorflow[and-cuda]==2.14.1"),
            (("2.10.1", "gpu", "windows-x86_64", "3.9"), "tensorflow==2.10.1"),
        ],
    )
    def test_requirement(self, real, cell, requirement):
        assert real.requirement(*cell) == requirement
        assert real.why_unavailable(*cell) is None

    def test_requirement_of_a_nightly(self, real):
        version = real.resolve("nightly", LINUX)
        for build in ("nightly", "cpu"):
            requirement = real.requirement(version, build, LINUX, "3.13")
            assert requirement in {f"tf-nightly=={version}", f"tf-nightly-cpu=={version}"}
        assert real.requirement(version, "gpu", LINUX, "3.13") == f"tf-nightly[and-cuda]=={version}"

    @pytest.mark.parametrize(
        ("cell", "words"),
        [
            (("2.4.4", "cpu", LINUX, "3.9"), r"2\.4\.4 has wheels for Python 3\.6 to 3\.8 only"),
            (
                ("2.9.3", "cpu", "macos-arm64", "3.9"),
                r"no wheels for macos-arm64, only for linux-x86_64, macos",
            ),
            (("2.15.1", "gpu", "macos-arm64", "3.9"), "no GPU wheels for macos-arm64"),
            (("2.11.1", "gpu", "windows-x86_64", "3.9"), "no GPU wheels for windows-x86_64"),
            (("2.15.0", "gpu", LINUX, "3.11"), r"use 2\.15\.0\.post1 or newer"),
            (("2.15.1", "nightly", LINUX, "3.11"), "not a nightly"),
        ],
    )
    def test_why_unavailable(self, real, cell, words):
        with pytest.raises(UnknownReleaseError, match=words):
            real.requirement(*cell)

    def test_sizes_and_dates(self, real):
        assert real.wheel_size("2.15.1", "cpu", LINUX, "3.11") == 207
        assert real.wheel_size("2.15.1", "gpu", LINUX, "3.11") == 475
        assert real.released("2.7.4") == dt.date(2022, 9, 2)
        with pytest.raises(KeyError):
            real.wheel_size("2.15.1", "cpu", LINUX, "3.8")


def test_a_python_missing_between_others_is_not_promised():
    table = ReleaseTable([release("2.9.2", {"tensorflow": {LINUX: {"3.8": 1, "3.10": 1}}})])
    assert table.why_unavailable("2.9.2", "cpu", LINUX, "3.9").endswith("Python 3.8, 3.10 only")


def test_arguments_in_the_wrong_order_are_refused(real):
    with pytest.raises(ValueError, match="no such build or platform"):
        real.pythons("2.15.1", LINUX, "cpu")


def test_another_format_is_refused(tmp_path):
    file = tmp_path / "releases.json"
    file.write_text('{"format": 2, "releases": {}}')
    with pytest.raises(StoreError, match="nox -s refresh"):
        ReleaseTable.load(file)
