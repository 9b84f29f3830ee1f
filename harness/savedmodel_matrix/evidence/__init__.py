"""What the store holds for a plan, as typed objects."""
