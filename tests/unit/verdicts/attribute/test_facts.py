from __future__ import annotations

import pytest
from savedmodel_matrix.domain.effective import Effective
from savedmodel_matrix.verdicts.attribute.facts import as_text, recorded_facts, variable_facts
from savedmodel_matrix.verdicts.attribute.names import called, fact_fields, rank

EFFECTIVE = {
    "loader": "saved_model",
    "python": "3.11.7",
    "python_implementation": "CPython",
    "os": "Linux",
    "os_release": "6.1.0",
    "libc": "glibc 2.36",
    "machine": "x86_64",
    "tensorflow": "2.16.2",
    "tensorflow_git": "v2.16.1-19",
    "keras": {"from": "keras", "version": "3.15.1", "major": 3},
    "tf_keras": None,
    "numpy": "1.26.4",
    "protobuf": "4.25.3",
    "h5py": "3.11.0",
    "distributions": {"absl-py": "2.1.0"},
    "cpu_model": "AMD EPYC",
    "cpu_flags": ["avx2", "sse4_2"],
    "usable_cpus": 2,
    "onednn": True,
    "onednn_known_by": "IsMKLEnabled",
    "onednn_isa_cap": None,
    "cuda": None,
    "cudnn": None,
    "variables": {},
    "intra_op_threads": "default",
    "inter_op_threads": 4,
    "grappler": True,
    "xla": "off",
    "devices": ["CPU:0"],
    "gpus": [],
    "gpu_driver": None,
    "tf32": None,
    "seed": None,
    "op_determinism": False,
}


def facts(**changes):
    return recorded_facts(Effective.model_validate({**EFFECTIVE, **changes}))


def test_a_whole_recording():
    found = facts()
    assert len(found.pop("CPU flags")) == 8
    assert dict(sorted(found.items(), key=lambda item: rank(item[0]))) == {
        "TensorFlow": "2.16.2",
        "Python": "3.11",
        "intra-op threads": "default",
        "inter-op threads": "4",
        "Grappler": "on",
        "seed": "absent",
        "op determinism": "off",
        "loader": "saved_model",
        "oneDNN": "on",
        "XLA": "off",
        "oneDNN ISA cap": "none",
        "GPU": "none",
        "TF32": "no GPU",
        "GPU driver": "no GPU",
        "Keras": "keras 3.15.1",
        "tf-keras": "absent",
        "NumPy": "1.26.4",
        "protobuf": "4.25.3",
        "h5py": "3.11.0",
        "CPU": "AMD EPYC",
        "usable CPUs": "2",
        "machine": "x86_64",
        "operating system": "Linux",
        "kernel": "6.1.0",
        "C library": "glibc 2.36",
        "Python implementation": "CPython",
        "Python release": "3.11.7",
        "TensorFlow's commit": "v2.16.1-19",
        "devices": "CPU:0",
    }


def test_every_field_of_a_recording_is_a_fact_or_says_why_not():
    assert set(Effective.NOT_FACTORS) | set(fact_fields()) == set(Effective.model_fields)
    assert all(Effective.NOT_FACTORS.values())
    gpu = {"gpus": [{"name": "A", "compute_capability": "9.0"}], "gpu_driver": "550", "tf32": True}
    found = facts(**gpu, cuda="12.5", cudnn="9")
    apart = {"distributions", "variables"}  # they have many names each
    assert {called(field) for field in fact_fields() if field not in apart} <= set(found)


def test_what_is_missing_is_left_out():
    assert recorded_facts(Effective()) == {}
    assert recorded_facts(Effective(python=None, keras=None, gpus=None, cpu_flags=None)) == {}


@pytest.mark.parametrize(
    ("change", "factor", "value"),
    [
        ({"onednn": False}, "oneDNN", "off"),
        ({"onednn": None}, "oneDNN", "unknown"),
        ({"onednn_isa_cap": "AVX2"}, "oneDNN ISA cap", "AVX2"),
        ({"tf_keras": "2.16.0"}, "tf-keras", "2.16.0"),
        ({"keras": {"from": "keras", "version": None, "major": 3}}, "Keras", "keras unknown"),
        ({"grappler": False}, "Grappler", "off"),
        ({"op_determinism": True}, "op determinism", "on"),
        ({"op_determinism": False}, "op determinism", "off"),
        ({"seed": None}, "seed", "absent"),
        ({"seed": 0}, "seed", "0"),
        ({"devices": ["CPU:0", "GPU:0"]}, "devices", "CPU:0, GPU:0"),
    ],
)
def test_values(change, factor, value):
    assert facts(**change)[factor] == value


def test_gpus():
    gpus = [{"name": "H100", "compute_capability": "9.0"}, {"name": None, "compute_capability": None}]
    found = recorded_facts(Effective(gpus=gpus, tf32=False, gpu_driver=None))
    assert found == {"GPU": "H100 (9.0) + unknown (unknown)", "TF32": "off"}


def test_cpu_flags_differ_by_what_they_are_not_by_their_order():
    a, b, c = (facts(cpu_flags=flags)["CPU flags"] for flags in (["a", "b"], ["b", "a"], ["a", "b", "c"]))
    assert a == b != c


def test_variables():
    assert variable_facts({"A": "1", "B": None}) == {"variable A": "1", "variable B": "unset"}


@pytest.mark.parametrize(
    ("flags", "others"),
    [
        ("--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit", None),
        ("--tf_xla_auto_jit=2 --tf_xla_min_cluster_size=1", "--tf_xla_min_cluster_size=1"),
        ("--tf_xla_auto_jit=fusible", "--tf_xla_auto_jit=fusible"),
    ],
)
def test_xla_flags_that_xla_does_not_tell_are_a_fact_of_their_own(flags, others):
    found = variable_facts({"TF_XLA_FLAGS": flags})
    assert found.pop("variable TF_XLA_FLAGS") == flags
    assert found == ({"other flags in TF_XLA_FLAGS": others} if others else {})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "default"),
        (True, "on"),
        (False, "off"),
        ((), "none"),
        (("a==1", "b"), "a==1, b"),
        (300.0, "300"),
    ],
)
def test_texts_of_values(value, text):
    assert as_text(value) == text
