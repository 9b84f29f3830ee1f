"""Isolation of untrusted models: what a probe sees, the ways to confine it, and what it may leave behind.

``view.py`` says which files an isolated probe sees. ``bubblewrap.py`` and ``namespaces.py`` start a command
that sees only those and has no network. ``staging.py`` gives it a ``results/`` of its own, and files what it
recorded there.
"""
