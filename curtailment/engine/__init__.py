"""Arithmetic of curtailment: what to switch when. No Django, no clock, no network."""
