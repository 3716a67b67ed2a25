"""Arithmetic of jobs: plain Python."""
