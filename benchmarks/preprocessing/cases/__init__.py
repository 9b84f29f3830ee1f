"""What is planted. These modules run in environments of their own, where nothing of ours is imported."""
