"""Measures how far recordings are apart. Pure: no process, clock or network; arrays come by a reader."""
