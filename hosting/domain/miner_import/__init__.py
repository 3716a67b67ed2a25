"""Machines from a file: a dry run that says everything, then all rows or none."""
