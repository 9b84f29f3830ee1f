"""``python -m harness.bench.preprocessing.cases FOLDER MODULE ...``: make the cases of these modules."""

import importlib
import sys

from harness.bench.preprocessing.cases.register import write

for module in sys.argv[2:]:
    importlib.import_module(f"harness.bench.preprocessing.cases.{module}")
write(sys.argv[1])
