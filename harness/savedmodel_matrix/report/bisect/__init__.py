"""The answer of a bisection: its document, how it is built, and how it is printed."""
