"""What differs from run to run goes, what tells failures apart stays."""

from __future__ import annotations

import pytest
from savedmodel_matrix.verdicts.causes.normalise import normalise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("__inference_pruned_82484", "__inference_pruned_#"),
        ("[Op:__inference_signature_wrapper_43]", "[Op:__inference_signature_wrapper_#]"),
        ("StatefulPartitionedCall_3/dense", "StatefulPartitionedCall/dense"),
        ("<object at 0x7faed32a2d80>", "<object at 0x#>"),
        ("id cd2c89b7-88b7-44c8-ad83-06c2a9158347.", "id <uuid>."),
        ("{{node model_1/dense_12/MatMul_3}}", "{{node model/dense/MatMul}}"),
        ("{{function_node __inference_f_12}} x", "{{function_node __inference_f_#}} x"),
        ("node 'counter_1' has", "node 'counter' has"),
        ("Node: 'model/conv_2/Conv2D_1'", "Node: 'model/conv/Conv2D'"),
        ("_AnonymousVar12 is", "_AnonymousVar# is"),
        ('  File "<environment>/lib/python3.9/site-packages/tensorflow/python/ops.py", line 82, in f',
         '  File "tensorflow/python/ops.py", line #, in f'),
        ('  File "/opt/models/my_layer.py", line 7, in call', '  File "my_layer.py", line #, in call'),
        ('  File "C:\\v\\Lib\\site-packages\\keras\\a.py", line 7, in call',
         '  File "keras/a.py", line #, in call'),
        ("    f(x)\n    ~^^^\nError", "    f(x)\nError"),
        ("/srv/run-1/libop.so: undefined symbol: _ZN1", "<path>/libop.so: undefined symbol: _ZN1"),
        ("/srv/m/assets/words.txt; No such file", "<path>/assets/words.txt; No such file"),
        ("2026-11-24 17:28:42.266314: I tensorflow/core/util/port.cc:153] oneDNN",
         "I tensorflow/core/util/port.cc:#] oneDNN"),
        ("I0000 00:00:1795541891.279013   17027 port.cc:227] x", "I port.cc:#] x"),
    ],
)  # fmt: skip
def test_volatile_parts_go(text, expected):
    assert normalise(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Shape must be rank 1 but is rank 0 for shapes [2,3] and [?,1]",
        "compute capability sm_120, gfx_90",
        "Op type not registered 'RegexSplitWithOffsetsV2' in binary running on <host>",
        "module 'numpy' has no attribute 'float8_e4m3'",
        "numpy 2.2.0, protobuf>=3.20, 1/3 of it, application/json",
        "<model>/variables/variables.data-00000-of-00001; No such file or directory",
        "Failed to fetch https://example.org/a/b/c",
        "Expecting value: line 1 column 1 (char 0)",
        "/job:localhost/replica:0/task:0/device:GPU:0",
        "undefined symbol: _ZN10tensorflow15OpKernelContext21CtxFailureEv",
    ],
)
def test_what_tells_failures_apart_stays(text):
    assert normalise(text) == text


def test_it_ends_on_hostile_text():
    for text in ("/a" * 100_000, "{{node " * 20_000, "_1" * 100_000, "0x" * 100_000, " ^" * 50_000 + "x"):
        normalise(text)


def test_it_is_stable():
    text = '  File "/x/site-packages/a/b.py", line 3, in f\n{{node a_1/b_2}} __inference_f_1 0x7f00aa\n'
    assert normalise(normalise(text)) == normalise(text)
