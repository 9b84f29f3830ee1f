"""Compare, judge, attribute and diagnose. Pure: no process, clock or network."""
