"""The two noise-ratio thresholds of the verdicts, defined only here.

A noise ratio is a difference divided by the difference between two equal runs (``NoiseRatio``). Measured on
MobileNetV2 (``docs/verdicts.md``): oneDNN, instruction sets, Grappler and XLA give 0.9 to 1.3; weights
rounded to TF32 give 85; weights times 1.001 give 490; another BN epsilon gives 870.
"""

from __future__ import annotations

#: Up to this ratio, a difference is rounding. A margin between two classes below it is noise as well.
NOISE = 3.0
#: Beyond this ratio, a difference is real; between the two it is suspicious.
REAL = 10.0
