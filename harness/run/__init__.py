"""From a plan to recordings: what is pending, and one environment's share of the work."""
