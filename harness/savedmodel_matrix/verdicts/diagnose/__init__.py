"""Names what one preprocessing does otherwise than another, and proves it by undoing it. Pure."""
