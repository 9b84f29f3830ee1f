"""What touches the machine: interpreters, installing a lock, running the probe in an environment."""
