"""What the raw input tells: each side made again from it, and the difference of the two recipes named."""
