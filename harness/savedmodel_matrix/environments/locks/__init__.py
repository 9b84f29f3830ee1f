"""The pinned, hashed resolution of one environment, with the date it was resolved as of."""
