"""What can be measured in a cell, one file a kind."""
