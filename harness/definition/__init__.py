"""``matrices/NAME.toml``: what a user writes, validated."""
