"""Which of several entries comes first, what remedies say, and the useful part of a traceback."""

from __future__ import annotations

import pytest
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.knowledge.causes.base import Cause, Remedy
from savedmodel_matrix.verdicts.causes.match import find_causes, useful_part


def cause(name, **changed):
    return Cause(
        **{
            "id": name,
            "title": "Something",
            "outcomes": frozenset({Outcome.LOAD_FAILED}),
            "pattern": "no such op",
            "explanation": "What it is, in a sentence or two.",
            "source": "measured here",
            "seen": True,
        }
        | changed
    )


def found(*causes, reason="ValueError: no such op", traceback=None, log=None, **known):
    tensorflow = known.pop("tensorflow", "2.16.2")
    features = frozenset(known.pop("features", ()))
    matches = find_causes(
        Outcome.LOAD_FAILED, reason, traceback, log, tensorflow, features, causes=causes, **known
    )
    return [match.cause.id for match in matches]


def test_an_unknown_failure_has_no_cause():
    assert found(cause("a"), reason="ValueError: another") == []


def test_the_outcome_must_be_one_of_the_entrys():
    assert find_causes(Outcome.CRASHED, "no such op", None, None, None, causes=[cause("a")]) == []


@pytest.mark.parametrize(
    ("tensorflow", "matches"),
    [
        ("2.16.2", True),
        ("2.15.1", False),
        ("2.16.0rc1", True),  # behaves as what it becomes
        ("2.23.0.dev20261026", True),
        (None, True),  # unknown: excludes nothing
        ("not a version", True),
    ],
)
def test_the_release_must_be_in_range_where_it_is_known(tensorflow, matches):
    assert found(cause("a", tensorflow=">=2.16"), tensorflow=tensorflow) == ["a"] * matches


def test_the_producer_likewise():
    entry = cause("a", producer="<2.16")
    assert found(entry, producer="2.7.4") == ["a"]
    assert found(entry, producer="2.18.1") == []
    assert found(entry) == ["a"]


@pytest.mark.parametrize(
    ("reason", "traceback"),
    [
        ("ValueError: no such op", None),
        ("no such op", "x\nValueError: no such op"),
        ("no such op", "tensorflow.python.framework.errors_impl.ValueError: no such op"),
        ("the noise floor could not be measured: ValueError: no such op", None),
    ],
)
def test_the_exception_may_stand_anywhere_in_the_chain(reason, traceback):
    assert found(cause("a", exception="ValueError"), reason=reason, traceback=traceback) == ["a"]


def test_another_exception_is_another_failure():
    assert found(cause("a", exception="KeyError")) == []
    assert found(cause("a", exception="Error")) == []


def test_with_a_log_pattern_both_must_be_there():
    entry = cause("a", log="could not load")
    assert found(entry) == []
    assert found(entry, log="W could not load it") == ["a"]


def test_a_general_entry_comes_last_and_more_conditions_first():
    general = cause("general", general=True, exception="ValueError", tensorflow=">=2")
    plain, ranged = cause("plain"), cause("ranged", tensorflow=">=2.16")
    assert found(general, plain, ranged) == ["ranged", "plain", "general"]


def test_what_the_reason_says_comes_before_what_only_the_traceback_does():
    deep, said = cause("deep", pattern="first trouble", exception="KeyError"), cause("said")
    assert found(deep, said, traceback="KeyError: first trouble") == ["said", "deep"]


def test_known_features_confirm_an_entry():
    plain, slots = cause("plain", exception="ValueError"), cause("slots", features={"optimizer-slots"})
    assert found(plain, slots) == ["plain", "slots"]
    assert found(plain, slots, features=["optimizer-slots"]) == ["slots", "plain"]


def test_an_entry_may_need_its_features():
    entry = cause("a", features={"compiled", "v1"}, needs_features=True)
    assert found(entry, features=["compiled"]) == []
    assert found(entry, features=["compiled", "v1"]) == ["a"]


@pytest.mark.parametrize(
    ("reason", "title"),
    [("no such op in old_package", "old_package has no such op"), ("no such op", "Something")],
)
def test_a_title_names_what_was_found_if_all_of_it_was(reason, title):
    entry = cause("a", named="{package} has no such op", pattern=r"no such op(?: in (?P<package>\w+))?")
    (match,) = find_causes(Outcome.LOAD_FAILED, reason, None, None, None, causes=[entry])
    assert match.title == title


def test_a_title_may_name_only_what_is_found():
    with pytest.raises(ValueError, match="nothing fills in package"):
        cause("a", named="{package} has no such op")


def remedies_of(text, *, tensorflow="2.16.2", values):
    entry = cause(
        "a", pattern=r"no such (?P<what>\w+)(?: of (?P<whose>\w+))?",
        remedies=tuple(Remedy(kind="advice", value=value) for value in values),
    )  # fmt: skip
    (match,) = find_causes(Outcome.LOAD_FAILED, text, None, None, tensorflow, causes=[entry])
    return [remedy.value for remedy in match.remedies]


def test_remedies_are_made_concrete():
    assert remedies_of("no such op", values=["tf-keras~={minor}.0", "add {what}"]) == [
        "tf-keras~=2.16.0", "add op",
    ]  # fmt: skip


def test_a_remedy_that_cannot_be_made_concrete_is_left_out():
    assert remedies_of("no such op", tensorflow=None, values=["x~={minor}.0", "ask {whose}", "plain"]) == [
        "plain"
    ]


def test_what_the_text_holds_is_never_taken_for_a_format():
    assert remedies_of("no such op of minor", values=["{what} {whose}", "{{braces}}"]) == [
        "op minor",
        "{braces}",
    ]


@pytest.mark.parametrize(
    "words",
    [
        "shape ",
        "Can not cast TensorSpec(dtype=tf.a to TensorSpec(",
        '  File "keras/',
        "TF_bfloat16_type()",
        "f(",
    ],
)
def test_it_ends_on_hostile_text(words):
    text = words * 100_000
    for outcome in (Outcome.LOAD_FAILED, Outcome.RUN_FAILED, Outcome.IMPORT_FAILED):
        find_causes(outcome, text, text, text, "2.16.2")
        find_causes(outcome, text, f"{words}\n" * 100_000, text, "2.12.1")


IN_TENSORFLOW = """\
Traceback (most recent call last):
  File "<probe>/run.py", line 110, in failing_as
    yield
  File "<probe>/loaders.py", line 26, in load_saved_model
    return tf.saved_model.load(case["model"], tags=case["tags"])
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "<environment>/lib/python3.12/site-packages/tensorflow/python/saved_model/load.py", line 912, in load
    result = load_partial(export_dir, None, tags, options)["root"]
             ~~~~~~~~~~~~^^^^
  File "<environment>/lib/python3.12/site-packages/keras/src/x.py", line 5, in y
    raise AttributeError
AttributeError: nothing like it"""


def test_the_useful_part_is_the_last_frame_outside_tensorflow_and_the_exception():
    assert useful_part(IN_TENSORFLOW) == (
        '  File "<probe>/loaders.py", line 26, in load_saved_model\n'
        '    return tf.saved_model.load(case["model"], tags=case["tags"])\n'
        "AttributeError: nothing like it"
    )


def test_the_models_own_code_is_outside():
    own = IN_TENSORFLOW.replace("<environment>/lib/python3.12/site-packages/keras/src/x.py", "my_layer.py")
    assert useful_part(own).startswith('  File "my_layer.py", line 5, in y\n    raise AttributeError\n')


def test_of_a_chain_the_last_exception():
    chained = (
        "KeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\n"
        + IN_TENSORFLOW
    )
    assert useful_part(chained) == useful_part(IN_TENSORFLOW)


def test_a_long_text_is_cut_and_the_kernels_own_words_are_kept():
    text = (
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    f()\n'
        "tensorflow.python.framework.errors_impl.InvalidArgumentError: Graph execution error:\n\n"
        "Detected at node 'x' defined at (most recent call last):\n    File \"b.py\", line 3\n"
        "Node: 'model/x'\nwrong shape\nand more\nand more\nand more\nand more"
    )
    shown = useful_part(text).splitlines()
    assert shown[2] == "tensorflow.python.framework.errors_impl.InvalidArgumentError: Graph execution error:"
    assert shown[3] == "wrong shape"
    assert len(shown) == 6


@pytest.mark.parametrize(
    ("text", "expected"), [("", ""), ("just words", "just words"), ("\n\nX: y\n", "X: y")]
)
def test_texts_without_frames(text, expected):
    assert useful_part(text) == expected


def test_a_traceback_that_lost_its_first_lines_and_its_exception():
    cut = '... 9 lines left out\n  File "a.py", line 1, in f\n    f()'
    assert useful_part(cut) == '  File "a.py", line 1, in f\n    f()'
    assert useful_part("... 9 lines left out\nthe end of it") == "the end of it"


def test_syntax_errors_show_their_own_frame():
    text = 'Traceback:\n  File "a.py", line 1\n    x = (\n        ^\nSyntaxError: never closed'
    assert useful_part(text) == '  File "a.py", line 1\n    x = (\nSyntaxError: never closed'


def test_a_missing_module_of_a_known_package_names_the_release_to_install():
    def explained(module, tensorflow="2.15.1", **known):
        reason = f"ModuleNotFoundError: No module named '{module}'"
        (best, *_) = find_causes(Outcome.LOAD_FAILED, reason, None, None, tensorflow, **known)
        return best.cause.id, best.title, [each.value for each in best.remedies if each.kind == "package"]

    text = "The package tensorflow-text is not installed"
    assert explained("tensorflow_text") == ("package-missing", text, ["tensorflow-text==2.15.0"])
    assert explained("tensorflow_text.core", "2.8.4") == ("package-missing", text, ["tensorflow-text==2.8.2"])
    assert explained("tensorflow_text", "2.19.1") == ("package-missing", text, []), "it does not work there"
    there = {"tensorflow_text": "2.15.0"}
    assert explained("tensorflow_text.gone", installed=there)[0] == "module-missing"
    assert explained("layers")[0] == "module-missing"


def test_a_missing_op_is_explained_by_the_tables_and_not_by_its_name():
    kinds = ("package", "not-imported", "unknown")
    entries = [
        cause(kind, pattern=r"no op '(?P<op>\w+)'", title="{op}, " + kind, missing_op=kind) for kind in kinds
    ]

    def explained(op, **known):
        reason = f"no op '{op}'"
        matches = find_causes(
            Outcome.LOAD_FAILED,
            reason,
            None,
            None,
            known.pop("tensorflow", "2.15.1"),
            causes=entries,
            **known,
        )
        return [match.title for match in matches]

    assert explained("FastBertNormalize") == ["FastBertNormalize, package"]
    there = {"tensorflow_text": "2.15.0"}
    assert explained("FastBertNormalize", installed=there) == ["FastBertNormalize, not-imported"]
    assert explained("FastBertNormalize", installed=there, imported=["tensorflow_text"]) == []
    assert explained("ZeroOut") == ["ZeroOut, unknown"]
    assert explained("MatMul") == [], "TensorFlow has it"
    assert explained("ZeroOut", tensorflow=None) == []
