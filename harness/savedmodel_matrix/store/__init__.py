"""``results/``: what is recorded, addressed by content, safe to copy, merge and interrupt."""
