from __future__ import annotations

import json
import socket
from types import SimpleNamespace

import pytest
from savedmodel_matrix.environments import host
from savedmodel_matrix.knowledge.releases import PLATFORMS


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("linux", "x86_64", "linux-x86_64"),
        ("linux", "aarch64", "linux-aarch64"),
        ("darwin", "arm64", "macos-arm64"),
        ("darwin", "x86_64", "macos-x86_64"),
        ("win32", "AMD64", "windows-x86_64"),
    ],
)
def test_names_of_platforms_are_those_of_the_release_table(monkeypatch, system, machine, name):
    monkeypatch.setattr(host, "sys", SimpleNamespace(platform=system))
    monkeypatch.setattr(host, "platform", SimpleNamespace(machine=lambda: machine))
    assert host.platform_name() == name
    assert name in PLATFORMS


@pytest.fixture
def facts_of(monkeypatch, tmp_path):
    """Facts of a machine with this /proc/cpuinfo."""

    def facts(cpuinfo):
        (tmp_path / "cpuinfo").write_text(cpuinfo, encoding="utf-8")
        monkeypatch.setattr(
            host, "Path", lambda name: tmp_path / ("cpuinfo" if name == "/proc/cpuinfo" else "absent")
        )
        forget()
        return host.host_facts()

    def forget():
        host.host_facts.cache_clear()
        host.host_fingerprint.cache_clear()

    yield facts
    forget()


CPUINFO = (
    "processor : 0\nmodel name\t: A CPU @ 2 GHz\nflags\t\t: fpu avx avx2\n"
    "\n"
    "processor : 1\nmodel name\t: A CPU\n"
)


def test_machines_with_other_flags_are_other_machines(facts_of):
    facts = facts_of(CPUINFO)
    assert (facts["cpu"], facts["gpus"]) == ("A CPU @ 2 GHz", "none")
    fingerprint = host.host_fingerprint()
    facts_of(CPUINFO.replace("fpu avx avx2", "avx2 avx fpu"))
    assert host.host_fingerprint() == fingerprint
    facts_of(CPUINFO.replace("avx2", "avx512f"))
    assert host.host_fingerprint() != fingerprint


def test_another_number_of_cpus_is_another_machine(facts_of, monkeypatch):
    fingerprints = set()
    for count in (1, 2):
        monkeypatch.setattr(host, "usable_cpus", lambda count=count: count)
        facts_of(CPUINFO)
        fingerprints.add(host.host_fingerprint())
    assert len(fingerprints) == 2


def test_nothing_names_the_machine_or_its_owner():
    assert len(host.host_fingerprint()) == 12
    assert int(host.host_fingerprint(), 16) >= 0
    assert socket.gethostname() not in json.dumps(host.host_facts())
