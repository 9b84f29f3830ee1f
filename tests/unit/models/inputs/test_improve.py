from __future__ import annotations

from savedmodel_matrix.domain.input_sources import GenerateSpec
from savedmodel_matrix.models.inputs.improve import Candidate, longer, rescaled, smaller, varied
from savedmodel_matrix.models.savedmodel.reader import Signature, TensorSpec
from savedmodel_matrix.models.savedmodel.wants import Feature, Form, Layout, Want


def signature(**inputs):
    return Signature("predict", {name: TensorSpec(*each) for name, each in inputs.items()}, {})


GUESS = Candidate(GenerateSpec(seed=1, batch=8))
FLOATS = signature(x=("float32", (None, 4)), ids=("int64", (None,)))


def test_floats_get_other_scales():
    found = list(rescaled(FLOATS, {}, GUESS))
    assert {"floats from 0 to 255", "floats from -1 to 1"} < {each.says for each in found}
    assert all(each.spec.ranges.keys() == {"x"} and each.spec.seed == 1 for each in found)


def test_what_the_graph_says_is_kept():
    assert list(rescaled(FLOATS, {"x": Want(centre=(3.0,), deviation=(2.0,))}, GUESS)) == []


def test_a_scale_of_the_user_is_kept():
    assert list(rescaled(FLOATS, {}, Candidate(GenerateSpec(ranges={"x": (0, 5)})))) == []


def test_longer_sequences_where_the_length_is_free():
    (found,) = longer(Candidate(GenerateSpec(length=16)))
    assert (found.spec.length, found.says) == (128, "length 128")
    assert list(longer(GUESS)) == list(longer(Candidate(GenerateSpec(length=16000)))) == []


def test_more_samples_and_other_seeds():
    more, *seeds = varied(FLOATS, Candidate(GUESS.spec, "floats from 0 to 1"))
    assert (more.spec.batch, more.says) == (32, "floats from 0 to 1, 4 times as many samples")
    assert [each.spec.seed for each in seeds] == [2, 3]


def test_samples_of_inputs_with_sizes_of_their_own():
    spec = GenerateSpec(batch=8, dims={"x": [8, 16], "y": [16]}, shapes={"z": [8, 3], "fixed": [8]})
    inputs = {"x": (None, None), "y": (8, None), "z": (None, None), "fixed": (8,)}
    more, *_ = varied(
        signature(**{name: ("float32", each) for name, each in inputs.items()}), Candidate(spec)
    )
    assert more.spec.dims == {"x": [32, 16], "y": [16]}
    assert more.spec.shapes == {"z": [32, 3], "fixed": [8]}


def test_a_fixed_batch_has_no_more_samples():
    assert [each.says for each in varied(signature(x=("float32", (1, 4))), GUESS)] == ["seed 2", "seed 3"]


def test_one_sample_for_what_does_not_run():
    (one,) = smaller(FLOATS, GUESS)
    assert (one.spec.batch, one.says) == (1, "one sample")
    assert list(smaller(FLOATS, one)) == []


def test_floats_in_messages_get_other_scales():
    age, number = Feature(b"age", "float32", Layout.FIXED, (1,)), Feature(b"n", "int64", Layout.FIXED, (1,))
    known = Feature(b"age", "float32", Layout.FIXED, (1,), want=Want(centre=(3.0,), deviation=(2.0,)))
    examples = signature(x=("string", (None,)))
    free = {"x": Want(form=Form.EXAMPLE, features=(age, number))}
    assert {(0, 255), (-1, 1)} < {each.spec.ranges["x"] for each in rescaled(examples, free, GUESS)}
    for features in ((number,), (known,)):
        assert list(rescaled(examples, {"x": Want(form=Form.EXAMPLE, features=features)}, GUESS)) == []
