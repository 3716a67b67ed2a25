"""Telling people and programs: rules, channels, alerts, and the log of what was sent to whom."""
