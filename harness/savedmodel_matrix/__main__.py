"""``python -m savedmodel_matrix``."""

from savedmodel_matrix.doors.command_line import main

main()
