"""``python -m harness``."""

from savedmodel_matrix.doors.command_line import main

main()
