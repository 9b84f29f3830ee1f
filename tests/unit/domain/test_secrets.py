from __future__ import annotations

from savedmodel_matrix.domain.secrets import masked, secret_values

VARIABLES = {
    "HF_TOKEN": "hf_abcdef",
    "aws_secret_access_key": "0123456789",
    "MY_PASSWORD": "short",
    "SERVICE_APIKEY": "key-123456",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "PATH": "/usr/bin",
}


def test_values_of_secrets_are_masked_by_their_names():
    assert masked(VARIABLES) == {
        "HF_TOKEN": "***",
        "aws_secret_access_key": "***",
        "MY_PASSWORD": "***",
        "SERVICE_APIKEY": "***",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "PATH": "/usr/bin",
    }


def test_only_long_values_are_looked_for_in_texts():
    assert secret_values(VARIABLES) == ["0123456789", "hf_abcdef", "key-123456"]
