"""What people and scripts read: one document, rendered for the terminal, as Markdown and as JSON."""
