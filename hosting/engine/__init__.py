"""Arithmetic and parsing of the hosting side: plain Python, no Django."""
