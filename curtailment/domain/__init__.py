"""Verbs and questions of curtailment."""
