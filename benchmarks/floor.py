"""The minimum cost of running models: import TensorFlow, load and run, in one process.

``python floor.py REQUEST.json`` with any environment's own Python (3.6 and newer); nothing is hashed,
compared or written. The request is a list of ``{"model", "tags", "signature", "runs", "batches":
[{input name: .npy file}]}``. A model that fails is skipped; the number that ran goes to stdout.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def main(request: str) -> int:
    """Run the request in the file and return how many of the models ran."""
    tf = importlib.import_module("tensorflow")
    ran = 0
    for case in json.loads(Path(request).read_text(encoding="utf-8")):
        try:
            run(tf, case)
        except Exception as error:
            sys.stderr.write(f"{case['model']}: {type(error).__name__}: {error}\n")
        else:
            ran += 1
    return ran


def run(tf: Any, case: Any) -> None:  # noqa: ANN401 - TensorFlow has no types, and 3.6 no TypedDict
    """Load one model and call it with every batch of inputs, as often as requested."""
    loaded = tf.saved_model.load(case["model"], tags=case["tags"])
    signature = loaded.signatures[case["signature"]]
    for _ in range(case["runs"]):
        for batch in case["batches"]:
            inputs = {name: tf.constant(np.load(file)) for name, file in batch.items()}
            for output in signature(**inputs).values():
                output.numpy()


if __name__ == "__main__":
    print("ran", main(sys.argv[1]))  # noqa: T201 - the answer to the bench
