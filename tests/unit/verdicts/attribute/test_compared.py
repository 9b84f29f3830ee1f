from __future__ import annotations

from savedmodel_matrix.domain.effective import Effective
from savedmodel_matrix.verdicts.attribute.compared import Known, compared


def factors(*known, unknown_is_a_value=False):
    found = compared(dict(enumerate(known)), unknown_is_a_value=unknown_is_a_value)
    return {name: [found.factors[cell][name] for cell in found.factors] for name in found.factors[0]}


def effective(**fields):
    return Effective.model_validate(fields)


def test_what_was_in_effect_counts_before_what_was_set():
    one = Known({"seed": "default", "TensorFlow": "2.16"}, effective=effective(seed=7, tensorflow="2.16.2"))
    other = Known({"seed": "8", "TensorFlow": "2.17"}, effective=effective(seed=8, tensorflow="2.17.0"))
    assert factors(one, other) == {"seed": ["7", "8"], "TensorFlow": ["2.16.2", "2.17.0"]}


def test_an_option_that_had_no_such_effect_is_a_factor_of_its_own():
    known = [Known({"seed": str(seed)}, effective=effective(seed=0)) for seed in (1, 2)]
    assert factors(*known) == {"seed": ["0", "0"], "seed (as set)": ["1", "2"]}


def test_an_option_does_not_stand_in_for_an_effect_that_it_did_not_have():
    one, other = (Known({"seed": "1"}, effective=effective(seed=seed)) for seed in (1, 2))
    found = compared({1: one, 2: other, 3: Known({"seed": "2"})}, unknown_is_a_value=False)
    assert found.factors == {1: {"seed (as set)": "1"}, 2: {"seed (as set)": "1"}, 3: {"seed (as set)": "2"}}
    assert found.unseen == ("seed",)


def test_an_option_stands_in_for_what_one_cell_did_not_report():
    known = [Known({"seed": "1"}, effective=effective(seed=1)), Known({"seed": "2"})]
    assert factors(*known) == {"seed": ["1", "2"]}
    assert compared(dict(enumerate(known)), unknown_is_a_value=False).unseen == ()


def test_what_only_some_cells_report_is_left_out_and_named_or_unknown():
    known = {1: Known({}, effective=effective(machine="arm64", onednn=None)), 2: Known({})}
    found = compared(known, unknown_is_a_value=False)
    assert (found.factors, found.unseen) == ({1: {}, 2: {}}, ("oneDNN", "machine"))
    found = compared(known, unknown_is_a_value=True)
    assert found.unseen == ()
    assert found.factors == {
        1: {"machine": "arm64", "oneDNN": "unknown"},
        2: {"machine": "unknown", "oneDNN": "unknown"},
    }


def test_every_installed_package_is_a_factor():
    one = Known({}, effective=effective(distributions={"wrapt": "1.0", "numpy": "1.26.4"}, numpy="1.26.4"))
    other = Known({}, effective=effective(distributions={"numpy": "2.0.0"}, numpy="2.0.0"))
    assert factors(one, other) == {"wrapt": ["1.0", "absent"], "NumPy": ["1.26.4", "2.0.0"]}


def test_where_a_cell_reports_no_packages_those_of_the_locks_count_for_all():
    one = Known({}, effective=effective(distributions={"pip": "1", "wrapt": "1.0"}), locked={"wrapt": "1.0"})
    assert factors(one, Known({}, locked={"wrapt": "2.0"})) == {"wrapt": ["1.0", "2.0"]}
    found = compared({1: one, 2: Known({})}, unknown_is_a_value=False)
    assert found.unseen == ("wrapt",)


def test_variables():
    one = Known({}, {"A": "1"}, effective(variables={"A": "1", "B": None}))
    other = Known({}, {}, effective(variables={"C": "2"}))
    assert factors(one, other) == {
        "variable A": ["1", "unset"],
        "variable B": ["unset", "unset"],
        "variable C": ["unset", "2"],
    }
    # One cell failed before it could say.
    assert factors(one, Known({}, {"A": "2"})) == {"variable A": ["1", "2"]}


def test_secrets_are_told_apart_and_not_told():
    known = [
        Known({}, {"API_KEY": value}, effective(variables={"API_KEY": "***"})) for value in ("x", "y", "x")
    ]
    assert factors(*known, Known({})) == {
        "variable API_KEY": ["*** (1)", "*** (2)", "*** (1)", "unset"],
    }
    inherited = [Known({}, {}, effective(variables={"API_KEY": "***"}))] * 2
    assert factors(*inherited) == {"variable API_KEY": ["***", "***"]}


def test_the_libraries_of_stages_are_factors():
    known = [Known({}, libraries={"Pillow": version}) for version in ("9", "10")]
    assert factors(*known) == {"Pillow": ["9", "10"]}
