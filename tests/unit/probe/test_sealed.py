"""A sealed file is read back as it was written, and no change of a bit goes unnoticed."""

import json

import pytest
from savedmodel_matrix.probe.sealed import BrokenSealError, seal, unseal

TEXT = '{"a": "ü\\u0000", "b": [1, 2.5, null]}'


@pytest.mark.parametrize("text", [TEXT, json.dumps(json.loads(TEXT), indent=1), TEXT + "\n"])
def test_the_content_comes_back_and_anyone_can_read_it(text):
    sealed = seal(text)
    assert json.loads(unseal(sealed)) == json.loads(text)
    checksum = json.loads(sealed)["checksum"]
    assert json.loads(sealed) == {**json.loads(text), "checksum": checksum}


def test_every_flipped_bit_and_every_cut_is_noticed():
    sealed = seal(TEXT)
    for at in range(len(sealed)):
        with pytest.raises(BrokenSealError):
            unseal(sealed[:at])
        for bit in range(8):
            changed = bytearray(sealed)
            changed[at] ^= 1 << bit
            with pytest.raises(BrokenSealError):
                unseal(bytes(changed))


def test_a_whole_file_of_another_kind_is_none_of_this_one():
    assert unseal(seal(TEXT, "Run"), "Run")
    for kind in ("", "Recording"):
        with pytest.raises(BrokenSealError):
            unseal(seal(TEXT, "Run"), kind)
