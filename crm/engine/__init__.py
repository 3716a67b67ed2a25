"""Arithmetic of the commercial truth: plain Python, no Django."""
