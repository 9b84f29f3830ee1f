"""Known causes of failures, as reviewed data."""
