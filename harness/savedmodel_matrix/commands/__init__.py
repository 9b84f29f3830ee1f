"""One file per verb a user knows: what happens, as a list of steps."""
