from __future__ import annotations

import sys
import types

import pytest
from savedmodel_matrix.probe import local
from savedmodel_matrix.probe.texts import PlainError


@pytest.fixture(autouse=True)
def own_imports(monkeypatch):
    """What a test brings in is gone after it."""
    for name in ("path", "meta_path"):
        monkeypatch.setattr(sys, name, list(getattr(sys, name)))
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def write(tmp_path):
    def written(path, text=""):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return str(file)

    return written


def test_a_file_has_its_stem_or_its_name_in_a_listed_folder(write, tmp_path):
    deep, init, alone = write("src/a/b/deep.py"), write("src/a/__init__.py"), write("elsewhere/alone.py")
    top, beside = write("src/top.py"), write("src2/beside.py")
    names = local.names_of([deep, init, alone, top, beside, str(tmp_path / "src")])
    assert names == {deep: "a.b.deep", init: "a", alone: "alone", top: "top", beside: "beside"}


def test_only_what_is_listed_can_be_imported(write):
    listed = write("tried_listed.py", "value = 1\n")
    write("tried_beside.py")
    local.reach([listed])
    local.bring(listed, [listed])
    (module,) = local.imported([listed])
    assert module.value == 1
    with pytest.raises(ModuleNotFoundError):
        __import__("tried_beside")


def test_listed_files_import_each_other_in_any_order(write):
    first, second = write("tried_first.py", "import tried_second\n"), write("tried_second.py")
    local.reach([first, second])
    for path in (first, second):
        local.bring(path, [first, second])
    assert len(local.imported([first, second])) == 2


def test_what_is_not_there_and_what_is_called_like_another_is_told(write, tmp_path):
    for missing in ("nowhere.py", "nowhere"):
        with pytest.raises(PlainError, match="no such file or folder"):
            local.bring(str(tmp_path / missing), [str(tmp_path / missing)])
    taken = write("json.py")
    local.reach([taken])
    with pytest.raises(PlainError, match="another module with the name 'json'"):
        local.bring(taken, [taken])


class Layer:
    """As Keras's."""


Foreign = type("Foreign", (Layer,), {"__module__": "some_package.layers"})
Known = type("Known", (Layer,), {"__module__": "keras.src.layers"})


def test_custom_objects_are_what_a_module_defines_and_layers_from_elsewhere(write):
    path = write(
        "tried_objects.py",
        "import os\nfrom os.path import join\n"
        "def activation(x): return x\n"
        "def _private(x): return x\n"
        "class Own: pass\n"
        "alias = activation\n"
        "instance = Own()\n",
    )
    local.reach([path])
    local.bring(path, [path])
    (module,) = local.imported([path])
    module.Foreign, module.Known, module.other = Foreign, Known, types.SimpleNamespace
    found = local.custom_objects([module], Layer)
    assert found == {
        "activation": module.activation,
        "_private": module._private,
        "Own": module.Own,
        "Foreign": Foreign,
    }
