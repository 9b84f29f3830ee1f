"""Matches failures with known causes."""
