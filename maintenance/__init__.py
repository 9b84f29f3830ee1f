"""Scripts that only maintainers run: they refresh the data in ``knowledge/`` and the generated pages."""
