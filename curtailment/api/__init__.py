"""The API of curtailment."""
