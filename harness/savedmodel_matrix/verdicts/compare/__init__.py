"""Measures how far apart recordings are. Pure: no process, clock or network; a reader supplies the arrays."""
