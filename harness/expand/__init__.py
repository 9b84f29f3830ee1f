"""From a definition to a plan. Pure: knows no clock, network, process or file."""
