"""What to measure next, given what is known, until there is an answer."""
