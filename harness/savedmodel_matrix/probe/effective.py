"""What was in effect: versions, processor, libraries and switches as this process actually has them.

``of_environment`` is called once, right after the import. It runs no op and touches no device, because
children fork afterwards and need an unused TensorFlow. ``of_run`` is called in the process that ran the
case. Both return plain JSON values; ``None`` means "cannot be determined here".
"""

import ctypes
import glob
import os
import platform
import re
import sys

#: Variables that change what is loaded or computed. A list of full names, never a prefix: another
#: well-known tool keeps secrets in TF_* variables.
VARIABLES = (
    "CUDA_VISIBLE_DEVICES", "DNNL_MAX_CPU_ISA", "KERAS_BACKEND", "KMP_AFFINITY", "KMP_BLOCKTIME",
    "LD_PRELOAD", "MKL_NUM_THREADS", "NVIDIA_TF32_OVERRIDE",
    "OMP_NUM_THREADS", "ONEDNN_DEFAULT_FPMATH_MODE", "ONEDNN_MAX_CPU_ISA", "ONEDNN_PRIMITIVE_CACHE_CAPACITY",
    "PYTHONHASHSEED", "TF_CUDNN_DETERMINISTIC", "TF_CUDNN_USE_AUTOTUNE", "TF_CUDNN_USE_FRONTEND",
    "TF_DETERMINISTIC_OPS", "TF_DISABLE_MKL", "TF_ENABLE_CUBLAS_TENSOR_OP_MATH_FP32",
    "TF_ENABLE_ONEDNN_OPTS", "TF_FORCE_GPU_ALLOW_GROWTH", "TF_GPU_ALLOCATOR", "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS", "TF_ONEDNN_ASSUME_FROZEN_WEIGHTS", "TF_ONEDNN_USE_SYSTEM_ALLOCATOR",
    "TF_SET_ONEDNN_FPMATH_MODE", "TF_USE_LEGACY_KERAS", "TF_XLA_FLAGS", "XLA_FLAGS",
)  # fmt: skip


def distributions(folders):
    """Return ``{normalised name: version}`` of what is installed in ``folders``; the first of a name wins.

    Read from the names of the metadata folders: opening the files in each, as ``importlib.metadata`` does,
    takes longer than many models run, and 3.6 and 3.7 do not have that module.
    """
    found = {}
    for folder in folders:
        try:
            names = sorted(os.listdir(folder or os.curdir))
        except OSError:
            continue
        for name in names:
            match = re.match(r"(.+?)-([^-]+)(?:-py\d[\d.]*)?(?:-[^-]+)?\.(?:dist-info|egg-info|egg)$", name)
            if match:
                found.setdefault(re.sub(r"[-_.]+", "-", match.group(1)).lower(), match.group(2))
    return found


def processor(path="/proc/cpuinfo"):
    """Return ``(model name, sorted CPU flags)`` of the first processor; flags are ``None`` off Linux."""
    fields = {}
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                key, colon, value = line.partition(":")
                if not colon and fields:
                    break  # the next processor; a large machine has hundreds
                fields[key.strip()] = value.strip()
    except OSError:
        return platform.processor() or None, None
    flags = fields.get("flags") or fields.get("Features")
    model = fields.get("model name") or fields.get("CPU part") or platform.processor() or None
    return model, sorted(flags.split()) if flags else None


def usable_cpus():
    """Return how many CPUs this process may use, from the affinity mask if there is one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def onednn(tf, environ):
    """Return ``(in use, how this was determined)`` for oneDNN's custom operations.

    Verified against ``DNNL_VERBOSE`` on Linux x86-64 wheels of 2.4 to 2.21. The Python query
    ``IsMklEnabled`` says only how the wheel was built before 2.10, and so answers False for 2.9 where
    oneDNN is on by default. The kernels themselves check the C++ ``IsMKLEnabled`` (tensorflow/core/util/
    util.h, from 2.5): a pure function of processor and variables. Even when it is off, Eigen's float
    matrix product may use oneDNN's gemm, so verbose output alone is not conclusive.
    """
    for library in glob.glob(os.path.join(os.path.dirname(tf.__file__), "libtensorflow_framework.*")):
        try:
            switch = ctypes.CDLL(library)["_ZN10tensorflow12IsMKLEnabledEv"]
        except (OSError, AttributeError):
            continue
        switch.argtypes, switch.restype = [], ctypes.c_bool
        return bool(switch()), "IsMKLEnabled"
    release = tuple(int(part) for part in re.findall(r"\d+", tf.__version__)[:2])
    for module in ("tensorflow.python.util._pywrap_util_port", "tensorflow.python._pywrap_util_port"):
        try:
            built_in = bool(__import__(module, fromlist=["IsMklEnabled"]).IsMklEnabled())
        except (ImportError, AttributeError):
            continue
        if built_in or release < (2, 5) or release >= (2, 10):
            return built_in, "IsMklEnabled"
    if environ.get("TF_ENABLE_ONEDNN_OPTS", "").lower() in ("0", "false"):
        return False, "TF_ENABLE_ONEDNN_OPTS"
    return None, "this build cannot report it"


def keras(environ, installed, tensorflow):
    """Return the package behind ``tf.keras``: its distribution, version and major version (2 or 3)."""
    legacy = environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true")
    release = tuple(int(part) for part in re.findall(r"\d+", tensorflow)[:2])
    if release >= (2, 16) and legacy:
        name, version, major = "tf-keras", installed.get("tf-keras") or installed.get("tf-keras-nightly"), 2
    elif release >= (2, 16):
        name, version, major = "keras", installed.get("keras") or installed.get("keras-nightly"), 3
    elif release >= (2, 6):
        name, version, major = "keras", installed.get("keras") or installed.get("keras-nightly"), 2
    else:
        name, version, major = "tensorflow", tensorflow, 2  # its own copy, tensorflow.python.keras
    return {"from": name, "version": version, "major": major}


def xla(jit, flags):
    """Return what XLA may compile, from ``tf.config.optimizer.get_jit()`` and ``TF_XLA_FLAGS``.

    "off"; "devices", which has no effect on a CPU; or "devices and CPU". TensorFlow does not report how much
    of a graph is actually compiled: operations that XLA cannot compile are left alone.
    """
    level = re.search(r"--tf_xla_auto_jit=(\w+)", flags)
    if not jit and (level is None or level.group(1) in ("0", "-1")):
        return "off"
    return "devices and CPU" if re.search(r"--tf_xla_cpu_global_jit(?!=(false|0))", flags) else "devices"


def of_interpreter():
    """Return what is the same for every case of this process, except TensorFlow's part."""
    model, flags = processor()
    return {
        "python": platform.python_version(),
        "python_implementation": platform.python_implementation(),
        "os": platform.system(),
        "os_release": platform.release(),
        "libc": " ".join(platform.libc_ver()).strip() or None,
        "machine": platform.machine(),
        "numpy": sys.modules["numpy"].__version__,
        "distributions": distributions(sys.path),
        "cpu_model": model,
        "cpu_flags": flags,
        "usable_cpus": usable_cpus(),
    }


def of_environment(tf, variables):
    """Return what is the same for every case of this process; runs no op and touches no device.

    ``variables`` are the setting's names; their values are read from the environment.
    """
    common = of_interpreter()
    installed = common["distributions"]
    on, how = onednn(tf, os.environ)
    cap = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA")
    build = getattr(tf.sysconfig, "get_build_info", dict)()
    names = sorted(set(variables).union(name for name in VARIABLES if name in os.environ))
    return dict(
        common,
        tensorflow=tf.__version__,
        tensorflow_git=tf.version.GIT_VERSION,
        keras=keras(os.environ, installed, tf.__version__),
        tf_keras=installed.get("tf-keras") or installed.get("tf-keras-nightly"),
        protobuf=installed.get("protobuf"),
        h5py=installed.get("h5py"),
        onednn=on,
        onednn_known_by=how,
        onednn_isa_cap=cap,
        cuda=build.get("cuda_version"),
        cudnn=build.get("cudnn_version"),
        variables={name: os.environ.get(name) for name in names},
    )


def of_run(tf):
    """Return what was enabled in the process that ran the case: threads, compilers, devices, TF32."""
    gpus = tf.config.list_physical_devices("GPU")
    visible = tf.config.get_visible_devices()
    return {
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads() or "default",
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads() or "default",
        "grappler": not tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False),
        "xla": xla(tf.config.optimizer.get_jit(), os.environ.get("TF_XLA_FLAGS", "")),
        "devices": [device.name.replace("/physical_device:", "") for device in visible],
        "gpus": [_gpu(tf, gpu) for gpu in gpus if gpu in visible],
        "gpu_driver": _gpu_driver() if gpus else None,
        "tf32": _tf32(tf) if gpus else None,
        "seed": _seed(),
        "op_determinism": _op_determinism(tf),
    }


def _seed():
    """Return TensorFlow's global seed, or ``None`` if there is none. There is no public API for it."""
    from tensorflow.python.eager import context

    return context.global_seed()


def _op_determinism(tf):
    """Whether operations must be deterministic, by the switch of 2.8 and later or by the variable."""
    if os.environ.get("TF_DETERMINISTIC_OPS", "").lower() in ("1", "true"):
        return True
    if not hasattr(tf.config.experimental, "enable_op_determinism"):
        return False
    from tensorflow.python.framework import config

    return bool(config.is_op_determinism_enabled())


def _gpu(tf, device):
    """Name and compute capability of one GPU; older releases do not report them."""
    details = getattr(tf.config.experimental, "get_device_details", lambda _: {})(device)
    capability = details.get("compute_capability")
    return {
        "name": details.get("device_name"),
        "compute_capability": ".".join(map(str, capability)) if capability else None,
    }


def _gpu_driver(path="/proc/driver/nvidia/version"):
    """Version of the loaded NVIDIA kernel module."""
    try:
        with open(path, encoding="utf-8") as text:
            match = re.search(r"\s(\d+\.\d+(?:\.\d+)?)\s", text.read())
    except OSError:
        return None
    return match.group(1) if match else None


def _tf32(tf):
    """Whether float32 products on the GPU are rounded to TF32: the library's override comes first."""
    if os.environ.get("NVIDIA_TF32_OVERRIDE") == "0":
        return False
    return bool(tf.config.experimental.tensor_float_32_execution_enabled())
