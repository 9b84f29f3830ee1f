"""The commands, one file each: what happens, as a list of steps."""
