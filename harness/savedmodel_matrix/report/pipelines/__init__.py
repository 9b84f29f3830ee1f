"""The parts of a report about the pipelines around models."""
