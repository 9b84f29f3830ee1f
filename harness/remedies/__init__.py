"""What may mend a failure, as cells to run: a plan like any other, made from causes. Pure."""
