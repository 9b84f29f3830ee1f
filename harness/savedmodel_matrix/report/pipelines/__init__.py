"""What a report says of the pipelines around models."""
