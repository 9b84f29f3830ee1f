"""Turns measured numbers into verdicts. Pure."""
