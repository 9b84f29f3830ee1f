"""What is known of failures: reviewed entries as data, and which of them a failure's text matches."""
