"""The answer of an upgrade plan: its document, how it is built, and how it is printed."""
