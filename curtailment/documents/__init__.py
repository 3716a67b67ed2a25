"""Papers of curtailment."""
