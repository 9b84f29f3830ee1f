"""Benchmarks: ratios to what a user would do without this tool, measured in the same run."""
