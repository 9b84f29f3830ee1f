"""``peak.py RESULT COMMAND ...``: run a command and write its cost, with its peak memory, to a JSON file.

A process counts the peak of the process that started it as its own until it exceeds that, so the one that
starts a measured command has to be small: this file runs alone, and imports little.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

started = time.perf_counter()
status = subprocess.call(sys.argv[2:], stdin=subprocess.DEVNULL)
wall_s = time.perf_counter() - started
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
unit = 1 if sys.platform == "darwin" else 1024
cost = {
    "wall_s": wall_s,
    "cpu_s": usage.ru_utime + usage.ru_stime,
    "peak_bytes": usage.ru_maxrss * unit,
}
Path(sys.argv[1]).write_text(json.dumps(cost), encoding="ascii")
os._exit(status)
