"""Match a failure with the known causes."""
