"""Faults of stages that show only when the harness runs the stages itself."""
