"""The planted differences. These modules run in separate environments and import nothing of ours."""
