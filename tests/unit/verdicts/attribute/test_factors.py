from __future__ import annotations

import pytest
from savedmodel_matrix.domain.effective import Effective
from savedmodel_matrix.domain.environment import Build
from savedmodel_matrix.verdicts.attribute.factors import ORDER, effective_factors, rank, value_in

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


def factors(effective, build):
    return effective_factors(Effective.model_validate(effective), build)


def test_a_whole_recording_in_the_fixed_order():
    found = factors(EFFECTIVE, Build.CPU)
    assert len(found.pop("CPU flags")) == 8
    assert list(found.items()) == [
        ("TensorFlow", "2.16.2"),
        ("loader", "saved_model"),
        ("oneDNN", "on"),
        ("XLA", "off"),
        ("Grappler", "on"),
        ("intra-op threads", "default"),
        ("inter-op threads", "4"),
        ("oneDNN ISA cap", "none"),
        ("op determinism", "off"),
        ("seed", "absent"),
        ("GPU", "none"),
        ("TF32", "no GPU"),
        ("GPU driver", "no GPU"),
        ("build", "cpu"),
        ("Python", "3.11"),
        ("Keras", "keras 3.15.1"),
        ("tf-keras", "absent"),
        ("NumPy", "1.26.4"),
        ("protobuf", "4.25.3"),
        ("h5py", "3.11.0"),
        ("CPU", "AMD EPYC"),
        ("usable CPUs", "2"),
        ("machine", "x86_64"),
        ("operating system", "Linux"),
        ("C library", "glibc 2.36"),
    ]


def test_what_is_missing_is_left_out():
    assert factors({}, "nightly") == {"build": "nightly"}


def test_every_factor_has_its_place_and_variables_come_last():
    gpu = {"gpus": [{"name": "A", "compute_capability": "9.0"}], "gpu_driver": "550", "tf32": True}
    found = factors({**EFFECTIVE, **gpu, "cuda": "12.5", "cudnn": "9", "variables": {"A": "1"}}, "gpu")
    assert list(found) == [*ORDER, "variable A"]
    assert sorted(["variable A", "sampler", "h5py"], key=rank) == ["h5py", "sampler", "variable A"]


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
        ({"variables": {"A": None}}, "variable A", "unset"),
    ],
)
def test_values(change, factor, value):
    assert factors({**EFFECTIVE, **change}, "cpu")[factor] == value


def test_gpus():
    gpus = [{"name": "H100", "compute_capability": "9.0"}, {"name": None, "compute_capability": None}]
    found = factors({"gpus": gpus, "tf32": False, "gpu_driver": None}, "gpu")
    assert found == {"build": "gpu", "GPU": "H100 (9.0) + unknown (unknown)", "TF32": "off"}


def test_cpu_flags_differ_by_what_they_are_not_by_their_order():
    a, b, c = (
        factors({"cpu_flags": flags}, "cpu")["CPU flags"]
        for flags in (["a", "b"], ["b", "a"], ["a", "b", "c"])
    )
    assert a == b != c


def variables(change, **values):
    found = factors({**EFFECTIVE, **change, "variables": values}, "cpu")
    return {name[9:]: value for name, value in found.items() if name.startswith("variable ")}


@pytest.mark.parametrize(
    "name",
    ["TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "TF_USE_LEGACY_KERAS"],
)
def test_variables_that_a_factor_tells_are_left_out(name):
    assert variables({}, **{name: "1", "OMP_NUM_THREADS": "2"}) == {"OMP_NUM_THREADS": "2"}


def test_a_variable_stays_where_its_effect_could_not_be_known():
    assert variables({"onednn": None}, TF_ENABLE_ONEDNN_OPTS="1") == {"TF_ENABLE_ONEDNN_OPTS": "1"}
    found = factors({"variables": {"TF_XLA_FLAGS": "--a", "DNNL_MAX_CPU_ISA": "X"}}, "cpu")
    assert found == {"build": "cpu", "variable DNNL_MAX_CPU_ISA": "X", "variable TF_XLA_FLAGS": "--a"}


@pytest.mark.parametrize(
    ("flags", "left"),
    [
        ("--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit", {}),
        ("--tf_xla_auto_jit=2 --tf_xla_min_cluster_size=1", {"TF_XLA_FLAGS": "--tf_xla_min_cluster_size=1"}),
        ("--tf_xla_auto_jit=fusible", {"TF_XLA_FLAGS": "--tf_xla_auto_jit=fusible"}),
    ],
)
def test_xla_flags_that_xla_tells_are_left_out(flags, left):
    assert variables({"xla": "devices"}, TF_XLA_FLAGS=flags) == left


def test_gpu_variables():
    gpu = {"gpus": [{"name": "H100", "compute_capability": "9.0"}], "tf32": False}
    assert variables(gpu, NVIDIA_TF32_OVERRIDE="0") == {}
    assert variables(gpu, NVIDIA_TF32_OVERRIDE="1") == {"NVIDIA_TF32_OVERRIDE": "1"}
    assert variables({}, NVIDIA_TF32_OVERRIDE="1", CUDA_VISIBLE_DEVICES="-1") == {}
    assert variables(gpu, CUDA_VISIBLE_DEVICES="1") == {"CUDA_VISIBLE_DEVICES": "1"}


def test_missing_values():
    assert value_in({"A": "1"}, "A") == "1"
    assert value_in({}, "A") == "unknown"
    assert value_in({}, "variable A") == "unset"
