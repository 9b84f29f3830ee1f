"""Run what is pending in one environment."""
