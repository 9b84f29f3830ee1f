"""What the front doors do; nox's sessions and the command line both call these."""
