"""Forms of curtailment."""
