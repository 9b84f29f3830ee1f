"""A small table of packages with ops, in the form of ``op_packages.json``."""

from __future__ import annotations

LINUX = {"linux-x86_64": ["3.9", "3.10"]}
TABLE = {
    "format": 1,
    "packages": {
        "words": {
            "imports": "words",
            "tried": {
                "2.8": {"tensorflow": "2.8.4", "python": "3.9", "release": "2.8.2"},
                "2.9": {"tensorflow": "2.9.3", "python": "3.9", "release": "2.9.0"},
                "2.15": {"tensorflow": "2.15.1", "python": "3.10", "release": "2.15.0"},
                "2.18": {"tensorflow": "2.18.1", "python": "3.11", "problem": "no release fits"},
            },
            "wheels": {"2.8.2": LINUX, "2.9.0": LINUX, "2.15.0": LINUX},
            "registers": [
                {"by": "words", "library": False, "in": ["2.8.2", "2.9.0", "2.15.0"], "ops": ["Oldest"]},
                {"by": "words", "library": False, "in": ["2.9.0", "2.15.0"], "ops": ["New"]},
                {"by": "words", "library": False, "in": ["2.8.2"], "ops": ["Gone"]},
            ],
        },
        "lazy-words": {
            "imports": "lazy_words",
            "tried": {
                "2.9": {"tensorflow": "2.9.3", "python": "3.9", "release": "0.2"},
                "2.15": {"tensorflow": "2.15.1", "python": "3.10", "release": "0.3", "problem": "it crashes"},
            },
            "wheels": {"0.2": LINUX},
            "registers": [
                {"by": "lazy_words/ops.so", "library": True, "in": ["0.2"], "ops": ["Lazy>One"]},
            ],
        },
        "pure": {"imports": "pure", "tried": {}, "wheels": {}, "registers": []},
    },
}
