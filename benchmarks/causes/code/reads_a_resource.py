"""Reads a file of a package in the old way."""

import pkg_resources

VERSION = pkg_resources.get_distribution("numpy").version
