"""What is planted. These modules run in environments of their own, beside nothing of ours but this package."""
