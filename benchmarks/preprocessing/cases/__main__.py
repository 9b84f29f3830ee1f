"""``python -m benchmarks.preprocessing.cases FOLDER GLOB MODULE ...``: make the cases that match."""

import importlib
import sys

from benchmarks.preprocessing.cases.register import write

for module in sys.argv[3:]:
    importlib.import_module(f"benchmarks.preprocessing.cases.{module}")
write(*sys.argv[1:3])
