"""Compares versions in the old way."""

import numpy as np
from pkg_resources import parse_version

OLD = parse_version(np.__version__) < parse_version("1.20")
