"""``python -m benchmarks.preprocessing.cases FOLDER MODULE ...``: make the cases of these modules."""

import importlib
import sys

from benchmarks.preprocessing.cases.register import write

for module in sys.argv[2:]:
    importlib.import_module(f"benchmarks.preprocessing.cases.{module}")
write(sys.argv[1])
