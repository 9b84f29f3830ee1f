"""Names the difference between two preprocessing pipelines, and proves it by undoing it. Pure."""
